"""The one table that crosses every boundary: who took what, and optionally when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.data.ordering import mixed, moment_order, pair_order
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table, replacing_file

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Interactions:
    """Distinct (user, item) pairs, sorted by user and, within a user, by time if there is one.

    Pairs of one moment have an order that tells nothing: another for each user, always the same.
    Were it that of the items' numbers, a model of order would learn these. Without a time it is.

    `user` and `item` are int32 arrays of shape (n,); `timestamp` is int64 (n,) or None; users lie
    in [0, n_users), items in [0, n_items). The arrays are read-only.

    Raises `ValueError` on a wrong shape or range, or a repeated pair.
    """

    user: IntArray
    item: IntArray
    n_users: int
    n_items: int
    timestamp: LongArray | None = None

    def __post_init__(self) -> None:
        user = np.asarray(self.user, np.int32)
        item = np.asarray(self.item, np.int32)
        time = None if self.timestamp is None else np.asarray(self.timestamp, np.int64)
        if user.ndim != 1 or user.shape != item.shape:
            raise ValueError(f"user has shape {user.shape}, item {item.shape}, expected one (n,)")
        if time is not None and time.shape != user.shape:
            raise ValueError(f"timestamp has shape {time.shape}, expected {user.shape}")
        for name, column, size in (("user", user, self.n_users), ("item", item, self.n_items)):
            if len(column) and (column.min() < 0 or column.max() >= size):
                raise ValueError(
                    f"{name} lies in [{column.min()}, {column.max()}], expected [0, {size})"
                )
        columns = (user, item) if time is None else (user, time, mixed(user, item))
        if not _ascend(*columns):
            if time is None:
                order = pair_order(user, item, (self.n_users, self.n_items))
            else:
                order = moment_order(user, item, time)
                time = time[order]
            user, item = user[order], item[order]
        object.__setattr__(self, "user", _read_only(user, self.user))
        object.__setattr__(self, "item", _read_only(item, self.item))
        if time is not None:
            object.__setattr__(self, "timestamp", _read_only(time, self.timestamp))
        pairs = self._pairs()
        if (pairs[1:] == pairs[:-1]).any():
            raise ValueError("a (user, item) pair is repeated, expected distinct pairs")

    def __len__(self) -> int:
        return len(self.user)

    @property
    def has_time(self) -> bool:
        return self.timestamp is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interactions) and self.table().equals(other.table())

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def offsets(self) -> LongArray:
        """Shape (n_users + 1,): the items of user u are `item[offsets[u]:offsets[u + 1]]`."""
        return np.concatenate(([0], np.cumsum(self.history_lengths))).astype(np.int64)

    @cached_property
    def history_lengths(self) -> LongArray:
        """Number of items of each user, shape (n_users,)."""
        return np.bincount(self.user, minlength=self.n_users).astype(np.int64)

    @cached_property
    def item_counts(self) -> LongArray:
        """Number of users of each item (its popularity), shape (n_items,)."""
        return np.bincount(self.item, minlength=self.n_items).astype(np.int64)

    @cached_property
    def keys(self) -> LongArray:
        """Each pair as one sorted number `user * n_items + item`, for membership tests."""
        return self._pairs()

    def _pairs(self) -> LongArray:
        pairs = self.user.astype(np.int64) * self.n_items + self.item
        if self.timestamp is not None:  # items do not ascend within a user
            pairs.sort()
        return pairs

    def items_of(self, user: int) -> IntArray:
        """The items of one user, in time order where there is a time."""
        return self.item[self.offsets[user] : self.offsets[user + 1]]

    def take(self, rows: npt.NDArray[np.bool_] | LongArray) -> Interactions:
        """Those pairs, by mask or number, of the same users and items."""
        time = None if self.timestamp is None else self.timestamp[rows]
        return Interactions(self.user[rows], self.item[rows], self.n_users, self.n_items, time)

    def contains(self, user: npt.ArrayLike, item: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each pair of the two equal-shaped arrays is here."""
        wanted = np.asarray(user, np.int64) * self.n_items + np.asarray(item, np.int64)
        if not len(self):
            return np.zeros(wanted.shape, np.bool_)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self) - 1)
        return np.asarray(self.keys[place] == wanted)

    def union(
        self, user: npt.ArrayLike, item: npt.ArrayLike, timestamp: npt.ArrayLike | None = None
    ) -> Interactions:
        """These pairs and the given ones; with time if both sides have it.

        Of a repeated pair the first one stays, with its time, and one that is here already is the
        first. `user`, `item` and `timestamp` have shape (m,). Raises `ValueError` as the class.
        """
        given = np.asarray(user, np.int64), np.asarray(item, np.int64)
        _, first = np.unique(given[0] * self.n_items + given[1], return_index=True)
        new = first[~self.contains(given[0][first], given[1][first])]
        time = None
        if self.timestamp is not None and timestamp is not None:
            time = np.concatenate([self.timestamp, np.asarray(timestamp, np.int64)[new]])
        return Interactions(
            np.concatenate([self.user, given[0][new]]),
            np.concatenate([self.item, given[1][new]]),
            self.n_users,
            self.n_items,
            time,
        )

    def table(self) -> pa.Table:
        """As an Arrow table whose schema metadata holds the two sizes."""
        columns = {"user": pa.array(self.user), "item": pa.array(self.item)}
        if self.timestamp is not None:
            columns["timestamp"] = pa.array(self.timestamp)
        sizes = {"n_users": str(self.n_users), "n_items": str(self.n_items)}
        return pa.table(columns).replace_schema_metadata(sizes)

    def write(self, path: Path) -> None:
        """Write Parquet; `read` gives an equal object back."""
        with replacing_file(path) as partial:
            pq.write_table(self.table(), partial)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; `InputError` if it is anything else."""
        table = read_table(path)
        try:
            sizes = table.schema.metadata or {}
            return cls(
                table["user"].to_numpy(),
                table["item"].to_numpy(),
                int(sizes[b"n_users"]),
                int(sizes[b"n_items"]),
                table["timestamp"].to_numpy() if "timestamp" in table.column_names else None,
            )
        except (KeyError, ValueError) as error:
            raise InputError(
                f"not an interactions table ({error})",
                "Parquet with columns user, item and sizes n_users, n_items",
                "run the stage that writes it again",
                file=path,
            ) from error


def _ascend(*columns: npt.NDArray[np.integer]) -> bool:
    """Whether the rows of equally long columns ascend, by the first column first."""
    tied = np.ones(max(len(columns[0]) - 1, 0), np.bool_)
    for column in columns:
        if (tied & (column[:-1] > column[1:])).any():
            return False
        tied &= column[:-1] == column[1:]
    return True


def _read_only(column: npt.NDArray[Any], given: object) -> npt.NDArray[Any]:
    """The column, or a copy where the caller may go on writing into it."""
    column = column.copy() if column is given and column.flags.writeable else column
    column.flags.writeable = False
    return column
