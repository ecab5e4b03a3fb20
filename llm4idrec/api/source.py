"""A frame as the flow reads it, and the flow's numbers as the frame's own IDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.api.frames import arrow_table, like, settled
from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_file

FILE = "interactions.parquet"
ADDED = ("rank", "origin")
"""Columns beside the IDs in what is handed back."""


class Columns(NamedTuple):
    """What the frame calls them."""

    user: str
    item: str
    timestamp: str | None = None

    def require_free(self) -> None:
        """`InputError` if a name stands for two things."""
        names = [name for name in (*self, *ADDED) if name is not None]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"the column {name!r} would stand for two things",
                    f"names that differ from each other and from {' and '.join(ADDED)}",
                    "rename it",
                )


@dataclass(frozen=True)
class Source:
    """Interactions of a frame, in a file."""

    columns: Columns
    file: Path
    nothing: Any
    """The frame without its rows."""

    @classmethod
    def written(cls, frame: Any, columns: Columns, data: DataConfig) -> Self:
        """Into the file that `data` names, with every column that it names.

        Raises `InputError` for a frame that is none, or that is no table of plain values.
        """
        frame = settled(frame)
        table = arrow_table(frame, list(dict.fromkeys(data.columns.values())))
        with replacing_file(data.path) as file:
            try:
                pq.write_table(table.replace_schema_metadata(None), file)
            except pa.ArrowException as error:
                reason = str(error).partition("\n")[0]
                raise InputError(f"the frame is no table of plain values ({reason})") from error
        return cls(columns, data.path, frame[:0])

    def own_ids(self, raw: pa.Table, users: pa.Array, items: pa.Array) -> OwnIds:
        """The frame's IDs of numbers.

        `raw` is what `read_file` made of the file; place k of `users` and `items` is the text that
        it has for number k.
        """
        # What the caller does to the frame in the meantime does not matter.
        table = pq.read_table(self.file, columns=list(self.columns[:2]))
        found = {}
        for role, name, texts in zip(("user", "item"), self.columns, (users, items), strict=False):
            first = raw.group_by(role).aggregate([("line", "min")])
            place = pc.index_in(texts, first[role].combine_chunks())
            row = pc.subtract(first["line_min"].take(place), 1)
            found[role] = table[name].take(row), row
        (user, order), (item, _) = found["user"], found["item"]
        return OwnIds(self.columns, user=user, item=item, order=order)

    def like_the_frame(self, table: pa.Table) -> Any:
        """The table as a frame of the same kind; IDs with the types that they have there."""
        return like(self.nothing, table)


@dataclass(frozen=True)
class OwnIds:
    """The IDs of the frame, with its types: place k of `user` and of `item` is number k."""

    columns: Columns
    user: pa.ChunkedArray
    item: pa.ChunkedArray
    order: pa.ChunkedArray
    """Where each user stands in the frame for the first time."""

    def table(self, user: Any, item: Any, columns: Mapping[str, Any]) -> pa.Table:
        """Users and items, numbers of shape (n,), as IDs, and other `columns`, rank among them;
        users as they follow each other in the frame, then by rank."""
        numbers = pa.table({"user": user, "item": item, **columns})
        table = numbers.append_column("order", self.order.take(numbers["user"]))
        table = table.sort_by([("order", "ascending"), ("rank", "ascending")])
        own = {
            self.columns.user: self.user.take(table["user"]),
            self.columns.item: self.item.take(table["item"]),
        }
        return pa.table(own | {name: table[name] for name in columns})


@contextmanager
def told_of_the_frame(folder: Path) -> Iterator[None]:
    """What is found in the file is told of the frame, whose rows count from 1."""
    try:
        yield
    except InputError as error:
        raise error.moved(folder / FILE, Path("the frame")) from error
