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
from llm4idrec.data.interactions import IntArray, LongArray
from llm4idrec.data.ordering import Order, pair_order
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table


@dataclass(frozen=True)
class Rows:
    """Equal-length columns: places among the sorted IDs, time if there is one, line in the file."""

    user: IntArray
    item: IntArray
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

    def take(self, rows: npt.NDArray[np.bool_] | Order) -> Self:
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
        tables = [train] if test is None else [train, test]
        items = pa.concat_arrays([distinct(table["item"]) for table in tables])
        return cls(_sorted(distinct(train["user"])), _sorted(items.unique()))

    def rows(self, table: pa.Table) -> Rows:
        """The rows of `table` whose user is known."""
        user, item = (
            _places(table[role], ids) for role, ids in (("user", self.user), ("item", self.item))
        )
        rows = Rows(
            user,
            item,
            table["timestamp"].to_numpy() if "timestamp" in table.column_names else None,
            table["line"].to_numpy(),
        )
        known = user >= 0
        return rows if known.all() else rows.take(known)


def read_rows(file: Path) -> pa.Table:
    """A raw table, IDs as dictionaries, which take a fifth of the memory of strings."""
    table = read_table(file)
    for place, name in enumerate(("user", "item")):
        table = table.set_column(place, name, _encoded(table[name]))
    return table.combine_chunks()


def distinct(column: pa.ChunkedArray) -> pa.Array:
    """The IDs of a column, each once."""
    return _encoded(column).dictionary


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of strings or of dictionaries as one array with one dictionary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()  # with one dictionary for all chunks
    elif column.num_chunks > 1:
        column = column.unify_dictionaries()  # slow where most are in every one
    if not column.num_chunks:
        return pa.array([], column.type)
    indices = pa.concat_arrays([chunk.indices for chunk in column.chunks])
    return pa.DictionaryArray.from_arrays(indices, column.chunk(0).dictionary)


def _places(column: pa.ChunkedArray, ids: pa.Array) -> IntArray:
    """The place of each ID among the sorted `ids`, (n,), -1 where it is none of them."""
    encoded = _encoded(column)
    place = pc.fill_null(pc.index_in(encoded.dictionary, ids), -1).to_numpy()
    return np.asarray(place[encoded.indices.to_numpy()], np.int32)


def _sorted(ids: pa.Array) -> pa.Array:
    return ids.take(pc.array_sort_indices(ids))


def distinct_pairs(rows: Rows, ids: Ids, *, data: DataConfig, source: Source) -> Rows:
    """The earliest of each pair, sorted by user and item."""
    order = pair_order(rows.user, rows.item, (len(ids.user), len(ids.item)))
    repeated = (np.diff(rows.user[order]) == 0) & (np.diff(rows.item[order]) == 0)
    if not repeated.any():
        return rows.take(order)
    among_repeats = np.append(repeated, False) | np.insert(repeated, 0, False)
    some = order[among_repeats]
    time = rows.line if rows.time is None else rows.time
    by_time = np.lexsort((rows.line[some], time[some], rows.item[some], rows.user[some]))
    order[among_repeats] = some[by_time]
    if data.duplicates == "refuse":
        places = np.flatnonzero(repeated)
        place = places[
            np.argmin(np.maximum(rows.line[order[places]], rows.line[order[places + 1]]))
        ]
        first, again = np.sort(rows.line[order[place : place + 2]])
        user, item = (ids.user[rows.user[order[place]]], ids.item[rows.item[order[place]]])
        where = "" if first == again else f", first on {source.named(int(first))}"
        raise InputError(
            f"user {user.as_py()!r} has item {item.as_py()!r} twice{where}",
            "each pair once (data.duplicates is refuse)",
            "remove it, or set data.duplicates to drop to keep the earliest",
            **source.place(int(again)),
        )
    return rows.take(order[np.concatenate(([True], ~repeated))])
