"""The own IDs of users and items, by their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa

from llm4idrec.runtime.files import read_table


class Identifiers(NamedTuple):
    """Strings, in the order of their numbers."""

    users: pa.Array
    items: pa.Array

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Of the folder that the stage `prepare` writes."""
        users, items = (read_table(folder / f"{role}.parquet")["id"] for role in cls._fields)
        return cls(users.combine_chunks(), items.combine_chunks())

    def own(self, numbered: pa.Table) -> pa.Table:
        """The same table with own IDs in its columns user and item; more than 2 GB of text may be
        among them."""
        for name, ids in (("user", self.users), ("item", self.items)):
            place, numbers = numbered.column_names.index(name), numbered[name].combine_chunks()
            own = ids.cast(pa.large_string()).take(numbers)
            numbered = numbered.set_column(place, name, own)
        return numbered
