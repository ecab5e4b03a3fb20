"""The histories that items are asked for, held as numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.ordering import stable_order
from llm4idrec.errors import InputError, MissingColumnError
from pipelines.registry.formats import format_of

TIME = "timestamp"
ROWS = pa.schema({"user": pa.string(), "items": pa.list_(pa.dictionary(pa.int32(), pa.string()))})
"""A user's own ID, and the own IDs of the items with the latest last."""


@dataclass(frozen=True)
class Histories:
    """Of each user, as they come in the file, the items with the latest last."""

    users: pa.Array
    """Own IDs (n_users,), each once."""
    catalogue: pa.Array
    """Own IDs of all items, each once."""
    items: npt.NDArray[np.int32]
    """Places in `catalogue` (n_pairs,), user after user."""
    starts: npt.NDArray[np.int64]
    """Where in `items` each user's begin, and where the last one's end (n_users + 1,)."""

    def __len__(self) -> int:
        return len(self.users)

    def rows(self, users: slice) -> pa.RecordBatch:
        """Of `ROWS`, one for each of these."""
        first, last, _ = users.indices(len(self))
        starts = self.starts[first : last + 1]
        places = pa.array(self.items[starts[0] : starts[-1]])
        own = pa.DictionaryArray.from_arrays(places, self.catalogue)
        lists = pa.ListArray.from_arrays(pa.array(starts - starts[0], pa.int32()), own)
        return pa.record_batch([self.users.slice(first, last - first), lists], ROWS)


def read_histories(path: Path, columns: Mapping[str, str | None]) -> Histories:
    """Of a file with a column for the roles user, item and, perhaps, timestamp, by the names in
    `columns`; without a time a user's lines stand in time order.

    Raises `InputError` for a file that cannot be used.
    """
    if not os.path.isfile(path):  # noqa: PTH113, which raises for names that are too long
        raise InputError("there is no such file", "a file of histories", file=path)
    try:
        table = _read(path, columns)
    except InputError as error:
        raise error.advising(_in_options(error.remedy)) from error
    users, user = _numbered(table["user"])
    catalogue, item = _numbered(table["item"])
    if TIME in table.column_names:  # lines with the same stay as they are
        order = np.argsort(table[TIME].to_numpy(), kind="stable")
        user, item = user[order], item[order]
    del table  # which is most of what this takes
    starts = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(users)))])
    items = item[stable_order(user, len(users))]
    return Histories(users, catalogue, items, starts.astype(np.int64))


def _numbered(ids: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """The distinct ones as they come, and the place of each among them."""
    coded = ids.dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0)
    return coded.dictionary, coded.indices.to_numpy()


def _read(path: Path, columns: Mapping[str, str | None]) -> pa.Table:
    """With the time, if a column is named for it or has its usual name."""
    if columns.get(TIME) is None:
        try:
            return _read(path, {**columns, TIME: TIME})
        except MissingColumnError as error:
            if error.role != TIME:
                raise
    layout = DataConfig.model_validate({"path": path, "format": format_of(path), **columns})
    return read_file(path, layout)


def _in_options(remedy: str | None) -> str | None:
    """What the reader advises for `params.yaml`, which is not read here, by this command's options.

    >>> _in_options("correct data.user")
    'name the column with --user'
    """
    if not remedy or "data." not in remedy:
        return remedy
    for role in ("user", "item", TIME):
        if f"data.{role}" in remedy:
            return f"name the column with --{role}"
    advice, _, _ = remedy.partition(", or ")
    return None if "data." in advice else advice
