"""A ranking made elsewhere, a line `user item` each, by own IDs or by number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.interactions import LongArray
from llm4idrec.data.overlap import SWAPPED, spelling
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError
from llm4idrec.own.handed_in import HandedIn
from llm4idrec.own.lines import Lines
from llm4idrec.own.lists import as_ranking, repeats
from llm4idrec.recommenders.ranking import NO_ITEM
from llm4idrec.runtime.files import read_table

_OWN = "leave `--ids numbers` out if these are your own IDs"
_NUMBERS = "add `--ids numbers` if these are the numbers of an export"
_FROM_ONE = "they seem to count from 1, and numbers here begin with 0"
_CERTAIN = (_OWN, _FROM_ONE)
"""Guesses that are no guesses: every entry fits, and some can be nothing else."""
_MANY = 0.1
"""Share of unknown lines that is refused where there is a guess why."""


@dataclass(frozen=True)
class Identifiers:
    """What stands for whom: the ID in place k of `users` and of `items` is that of number k."""

    users: pa.Array
    items: pa.Array
    """Those outside the catalogue come last."""
    n_items: int
    """Of the catalogue."""

    @classmethod
    def read(cls, folder: Path, n_items: int) -> Self:
        """From the folder that `prepare` writes; `InputError` if it is not there."""
        users, items = (
            read_table(folder / f"{role}.parquet")["id"].combine_chunks()
            for role in ("users", "items")
        )
        return cls(users, items, n_items)


def read_id_lists(
    file: Path, identifiers: Identifiers, *, numbers: bool
) -> tuple[HandedIn, list[str]]:
    """The lists of the users, and a sentence on each kind of line that is left out.

    These are of users and items that nobody knows, of items outside the catalogue, and those that
    say a pair again. Raises `InputError` if all users or all items are unknown, or many in a way
    that can be guessed.
    """
    lines = Lines.read(file, tabs=not numbers)
    columns = _columns(lines, numbers=numbers)
    known = {"user": identifiers.users, "item": identifiers.items}
    notes, found = [], {}
    for column, (role, ids) in zip(columns, known.items(), strict=True):
        found[role] = _numbers(column, ids)
        if (unknown := found[role] < 0).any():
            row = int(unknown.argmax())
            its = f"unknown {role}s on {_lines(unknown)}, as {shown(str(column[row]))} on line "
            its += f"{lines.line(row)}"
            guess = _guess(columns, role, identifiers, numbers=numbers)
            if unknown.all() or guess in _CERTAIN or (guess and unknown.mean() > _MANY):
                told = f"{its}, of {len(unknown)}"
                raise InputError(told, f"{role}s of the data", guess, file=file)
            notes.append(f"{file}: left out: {its}{f'; {guess}' if guess else ''}")
    user, item = found["user"], found["item"]
    ranked = (user >= 0) & (item >= 0) & (item < identifiers.n_items)
    if (outside := item >= identifiers.n_items).any():
        what = "items that nobody has in the original train set, which is the catalogue"
        notes.append(f"{file}: left out: {_lines(outside)} of {what}")
    again = np.zeros(len(user), np.bool_)
    again[np.flatnonzero(ranked)[repeats((user * len(identifiers.items) + item)[ranked])]] = True
    if again.any():
        notes.append(f"{file}: left out: {_lines(again)} with a pair that is further up already")
    ranked &= ~again
    lists = as_ranking(user[ranked], item[ranked], len(identifiers.users))
    lacking = np.flatnonzero(lists[:, 0] == NO_ITEM).astype(np.int32)
    return HandedIn.of_lists(lists, lacking), notes


def _columns(lines: Lines, *, numbers: bool) -> list[pa.ChunkedArray]:
    try:
        return lines.columns([pa.int64() if numbers else pa.string()] * 2)
    except InputError as error:
        raise error.advising(_OWN if numbers else None) from error


def _numbers(column: pa.ChunkedArray, ids: pa.Array) -> LongArray:
    """The number that each entry stands for, -1 if it is unknown."""
    if pa.types.is_string(column.type):
        place = pc.index_in(column, value_set=ids).fill_null(-1)
        return np.asarray(place.to_numpy(), np.int64)
    given = column.to_numpy()
    return np.where((given >= 0) & (given < len(ids)), given, -1)


def _lines(those: npt.NDArray[np.bool_]) -> str:
    n = np.count_nonzero(those)
    return f"{n} line{'' if n == 1 else 's'}"


def _guess(
    columns: list[pa.ChunkedArray], role: str, identifiers: Identifiers, *, numbers: bool
) -> str | None:
    """Why entries of that role may be unknown."""
    ids = {"user": identifiers.users, "item": identifiers.items}
    column = columns[list(ids).index(role)]
    if numbers:
        if pc.min(column).as_py() == 1 and pc.max(column).as_py() == len(ids[role]):
            return _FROM_ONE
        is_own = pc.all(pc.is_in(pc.cast(column, pa.string()), value_set=ids[role])).as_py()
        return _OWN if is_own else None
    others = [
        _numbers(words, its) >= 0
        for words, its in zip(columns, reversed(ids.values()), strict=True)
    ]
    if all(part.mean() > 0.9 for part in others):
        return SWAPPED
    distinct = pc.unique(column)
    whole = pc.all(pc.match_substring_regex(distinct, r"^\d{1,9}$")).as_py()
    if whole and pc.max(pc.cast(distinct, pa.int64())).as_py() < len(ids[role]):
        return _NUMBERS
    unknown = distinct.filter(pc.invert(pc.is_in(distinct, value_set=ids[role])))
    return spelling(unknown, ids[role])
