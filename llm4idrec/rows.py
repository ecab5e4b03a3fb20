"""Raw tables as columns of numbers: what the split works on before IDs are renumbered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.interactions import LongArray


@dataclass(frozen=True)
class Rows:
    """Equal-length columns: places among the sorted IDs, time if there is one, line in the file."""

    user: LongArray
    item: LongArray
    time: LongArray | None
    line: LongArray

    def __len__(self) -> int:
        return len(self.user)

    @property
    def users(self) -> LongArray:
        return np.flatnonzero(np.bincount(self.user))

    @property
    def items(self) -> LongArray:
        return np.flatnonzero(np.bincount(self.item))

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        time = None if self.time is None else self.time[rows]
        user, item, line = self.user[rows], self.item[rows], self.line[rows]
        return replace(self, user=user, item=item, time=time, line=line)


@dataclass(frozen=True)
class Ids:
    """Every ID, sorted, so that the order of lines leaves no trace in the places."""

    user: pa.Array
    item: pa.Array

    @classmethod
    def of(cls, train: pa.Table, test: pa.Table | None) -> Self:
        """The users of `train`, the items of both."""
        items = [train["item"]] if test is None else [train["item"], test["item"]]
        chunks = [chunk for column in items for chunk in column.chunks]
        return cls(_sorted(train["user"].unique()), _sorted(pa.chunked_array(chunks).unique()))

    def rows(self, table: pa.Table) -> Rows:
        """The rows of `table` whose user is known."""
        table = table.filter(pc.is_in(table["user"], self.user))
        return Rows(
            pc.index_in(table["user"], self.user).to_numpy().astype(np.int64),
            pc.index_in(table["item"], self.item).to_numpy().astype(np.int64),
            table["timestamp"].to_numpy() if "timestamp" in table.column_names else None,
            table["line"].to_numpy(),
        )


def _sorted(ids: pa.Array) -> pa.Array:
    return ids.take(pc.array_sort_indices(ids))


def distinct_pairs(rows: Rows, ids: Ids, data: DataConfig, file: Path) -> Rows:
    """The earliest of each pair, sorted by user and item."""
    key = rows.user * len(ids.item) + rows.item
    order = np.argsort(key, kind="stable")
    repeated = np.diff(key[order]) == 0
    if not repeated.any():
        return rows.take(order)
    among_repeats = np.append(repeated, False) | np.insert(repeated, 0, False)
    some = order[among_repeats]
    time = rows.line if rows.time is None else rows.time
    order[among_repeats] = some[np.lexsort((rows.line[some], time[some], key[some]))]
    if data.duplicates == "refuse":
        places = np.flatnonzero(repeated)
        place = places[
            np.argmin(np.maximum(rows.line[order[places]], rows.line[order[places + 1]]))
        ]
        first, again = np.sort(rows.line[order[place : place + 2]])
        user, item = (ids.user[rows.user[order[place]]], ids.item[rows.item[order[place]]])
        where = "" if first == again else f", first on line {first}"
        raise InputError(
            f"user {user.as_py()!r} has item {item.as_py()!r} twice{where}",
            "each pair once (data.duplicates is refuse)",
            "remove it, or set data.duplicates to drop to keep the earliest",
            file=file,
            line=int(again),
        )
    return rows.take(order[np.concatenate(([True], ~repeated))])
