"""The rows of all nights as numbers, and what of them was there before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llm4idrec.data.interactions import LongArray

NO_TIME = np.iinfo(np.int64).min
"""Of rows that have none; no row of a night is of that time."""


@dataclass(frozen=True, eq=False)
class History:
    """Equal-length columns of shape (n,), oldest night first.

    Users and items are numbered as they appear, so that those of the first rows are the lowest
    numbers. `night` is 0 of what was known before the nights, then 1 to `n_nights`.
    """

    user: LongArray
    item: LongArray
    time: LongArray
    night: LongArray
    n_nights: int

    @classmethod
    def of(cls, known: pa.Table | None, nights: Sequence[pa.Table]) -> Self:
        """Of tables with columns user, item and timestamp, which `known` may lack; no nulls."""
        tables = [nights[0].slice(0, 0) if known is None else known, *nights]
        timed = [table["timestamp"] for table in nights]
        if "timestamp" in tables[0].column_names:
            first = tables[0]["timestamp"].to_numpy()
        else:
            first = np.full(len(tables[0]), NO_TIME)
        return cls(
            _numbers(tables, "user"),
            _numbers(tables, "item"),
            np.concatenate([first, *(column.to_numpy() for column in timed)]).astype(np.int64),
            np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
            len(nights),
        )

    def until(self, night: int) -> slice:
        """The rows of the nights before that one."""
        return slice(0, int(np.searchsorted(self.night, night)))

    def during(self, night: int) -> slice:
        return slice(self.until(night).stop, self.until(night + 1).stop)

    @property
    def rows(self) -> LongArray:
        """Rows of each night, shape (n_nights + 1,), as of all the counts."""
        return self._count(np.ones(len(self.night), np.bool_))

    @property
    def of_new_users(self) -> LongArray:
        """Rows by users that no earlier night has."""
        return self._count(self._is_new(self.user))

    @property
    def of_new_items(self) -> LongArray:
        """Rows with items that no earlier night has."""
        return self._count(self._is_new(self.item))

    @property
    def repeated(self) -> LongArray:
        """Rows that repeat another of their night: the same user, item and time."""
        order, same = self._alike
        night = self.night[order]
        same_night = np.diff(night, prepend=-1) == 0
        return np.bincount(night[same & same_night], minlength=self.n_nights + 1)

    @property
    def brought_before(self) -> LongArray:
        """Rows that an earlier night has with the same user, item and time."""
        order, same = self._alike
        start = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        night = self.night[order]
        return np.bincount(night[night[start] < night], minlength=self.n_nights + 1)

    @cached_property
    def _alike(self) -> tuple[LongArray, npt.NDArray[np.bool_]]:
        """An order in which equal rows follow each other, by night; which are as the one before."""
        order = np.lexsort((self.night, self.time, self.item, self.user))
        same = np.ones(len(order), np.bool_)
        for column in (self.user, self.item, self.time):
            sorted_column = column[order]
            same[1:] &= sorted_column[1:] == sorted_column[:-1]
        same[:1] = False
        return order, same

    def _is_new(self, numbers: LongArray) -> npt.NDArray[np.bool_]:
        first = np.unique(numbers, return_index=True)[1]
        return np.asarray(self.night[first][numbers] == self.night)

    def _count(self, rows: npt.NDArray[np.bool_]) -> LongArray:
        return np.bincount(self.night[rows], minlength=self.n_nights + 1)


def _numbers(tables: Sequence[pa.Table], role: str) -> LongArray:
    chunks = [chunk for table in tables for chunk in table[role].cast(pa.string()).chunks]
    ids = pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())
    return np.asarray(ids.dictionary_encode().indices.to_numpy(), np.int64)
