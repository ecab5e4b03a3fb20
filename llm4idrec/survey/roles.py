"""Which column says who, what and when: by the names, and above all by what the columns hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import numpy as np

from llm4idrec.data.shown import listed, shown
from llm4idrec.errors import InputError
from llm4idrec.survey.column import Column
from llm4idrec.survey.names import EXACTLY, Role, name_score

NO_TIME = "none"
"""As `--timestamp`: the run is to go without a time."""
_CLOSE = 1.0
"""A second choice that is so little worse is named."""
_NAME, _GROUPED, _PLACE = 2.0, 1.0, 0.5
"""What speaks for a pair of columns: names, rows of a user that stand together, user first."""
_EXCLUDED = -100.0
_NO_IDS: tuple[Role, ...] = ("timestamp", "rating", "event")


@dataclass(frozen=True)
class Roles:
    """The columns of each role, None where there is none, and sentences about what is not sure."""

    user: Column
    item: Column
    timestamp: Column | None
    rating: Column | None
    event: Column | None
    remarks: list[str] = field(default_factory=list)


def roles_of(columns: Sequence[Column], wanted: dict[str, str], path: Path) -> Roles:
    """`wanted` are columns that the person named: role -> name.

    Raises `InputError` for a name that is not there, and where no two columns could be user and
    item, or a time is in a spelling that is not read.
    """
    columns = [column for column in columns if column.name]
    named = {column.name: column for column in columns}
    for role, name in wanted.items():
        if name not in named and (role, name) != ("timestamp", NO_TIME):
            found, there = f"there is no column {shown(name)}", f"one of {listed([*named])}"
            raise InputError(found, there, f"correct --{role}", file=path)
    remarks: list[str] = []
    user, item = _ids(columns, wanted, path, remarks=remarks)
    left = [column for column in columns if column not in (user, item)]
    timestamp = _timestamp(left, named, wanted, path=path, remarks=remarks)
    left = [column for column in left if column is not timestamp]
    unnamed = all(column.name.isdecimal() for column in columns)
    rating = _best(
        [c for c in left if c.numbers is not None and (c.looks_like_rating or not unnamed)],
        "rating",
        least=0.0 if unnamed else 1.0,
    )
    event = _best([c for c in left if c is not rating and _has_kinds(c)], "event", least=1.0)
    return Roles(user, item, timestamp, rating, event, remarks)


def _ids(
    columns: Sequence[Column], wanted: dict[str, str], path: Path, *, remarks: list[str]
) -> tuple[Column, Column]:
    roles: tuple[Role, Role] = ("user", "item")
    alone = {role: {c.name: _id_score(c, role) for c in columns} for role in roles}
    scored = []
    for place, (user, item) in enumerate(permutations(columns, 2)):
        given: dict[Role, str] = {"user": user.name, "item": item.name}
        if any(wanted.get(role, name) != name for role, name in given.items()):
            continue
        score = sum(alone[role][name] for role, name in given.items() if role not in wanted)
        score += _PLACE * (columns.index(user) < columns.index(item))
        scored.append((score + _pair_score(user, item), -place, user, item))
    scored.sort(key=lambda pair: pair[:2], reverse=True)
    if not scored or (scored[0][0] < 0 and len(wanted.keys() & {"user", "item"}) < 2):
        raise InputError(
            f"no two columns could be user and item among {listed([c.name for c in columns])}",
            "IDs that come again: of users with several items, of items with several users",
            "name them with --user COLUMN --item COLUMN",
            file=path,
        )
    best, _, user, item = scored[0]
    close = [(u, i) for score, _, u, i in scored[1:] if score > max(0.0, best - _CLOSE)]
    remarks += _doubts((user, item), close, wanted)
    return user, item


def _id_score(column: Column, role: Role) -> float:
    """How well a column could hold the IDs of a role; below 0 where it hardly could."""
    name = name_score(column.name, role)
    if column.temporal or len(column.distinct) < 2:
        return _EXCLUDED
    if name <= 0 and (column.time or column.odd_date or column.is_counter):
        return _EXCLUDED
    if column.numbers is not None and not column.is_whole:
        return _EXCLUDED
    score = _NAME * name
    if name <= 0 and any(name_score(column.name, other) >= EXACTLY for other in _NO_IDS):
        score -= 2
    rows = len(column.values)
    if column.missing:
        score -= 1 if column.missing < 0.01 * rows else 3
    if rows > 50 and column.repeats < 1.1:
        score -= 2  # nobody, or nothing, comes again
    if rows > 50 * len(column.distinct) and len(column.distinct) < 20:
        score -= 3  # kinds of something
    if column.is_counter:
        score -= 2
    if role == "user" and column.is_grouped:
        score += _GROUPED
    if role == "item" and column.is_prose:
        score -= _PLACE
    return score


def _pair_score(user: Column, item: Column) -> float:
    """Against columns one of which says the other, as a name and its number, or few pairs of which
    make up all rows."""
    pairs = len(np.unique(user.codes.astype(np.int64) * len(item.values) + item.codes))
    rows, sizes = len(user.values), (len(user.distinct), len(item.distinct))
    if rows > 10 and pairs <= max(sizes) and max(sizes) < rows:
        return -5.0
    return -2.0 if rows > 200 and pairs < 0.02 * rows else 0.0


def _doubts(
    taken: tuple[Column, Column], close: list[tuple[Column, Column]], wanted: dict[str, str]
) -> list[str]:
    """What else could be the user or the item, and how to say so."""
    user, item = taken
    said = []
    if not wanted and ((item, user) in close or _unnamed(user, item)):
        how = f"--user {item.name} --item {user.name}"
        said.append(f"which is user and which item the columns do not say; if it is not so: {how}")
    for role, chosen, place in (("item", item, 1), ("user", user, 0)):
        may = {pair[place].name for pair in close if pair[1 - place] is taken[1 - place]}
        if role not in wanted and may:
            names = ", ".join(sorted(may))
            sentence = f"the {role} could be {names} as well as {chosen.name}"
            said.append(f"{sentence}; if it is: --{role} {min(may)}")
    return said


def _unnamed(user: Column, item: Column) -> bool:
    """Whether neither name speaks for the role; what the rows tell may still be right."""
    return name_score(user.name, "user") <= 0 and name_score(item.name, "item") <= 0


def _timestamp(
    columns: Sequence[Column],
    named: dict[str, Column],
    wanted: dict[str, str],
    *,
    path: Path,
    remarks: list[str],
) -> Column | None:
    if "timestamp" in wanted:
        return named.get(wanted["timestamp"])
    scores = {column.name: _time_score(column) for column in columns}
    may = sorted((c for c in columns if scores[c.name] > 0), key=lambda c: -scores[c.name])
    if not may:
        return None
    best = may[0]
    if best.time is None and best.odd_date:
        raise InputError(
            f"column {best.name!r} seems to hold times, as {shown(best.odd_date)}",
            "numbers such as seconds since 1970, or ISO 8601 as in 2024-12-31T23:59:59",
            f"convert the column, or say --timestamp {NO_TIME}",
            file=path,
        )
    if len(may) > 1:
        others = ", ".join(column.name for column in may[1:])
        remarks.append(f"other times: {others}; to take one: --timestamp {may[1].name}")
    return best


def _time_score(column: Column) -> float:
    name = name_score(column.name, "timestamp")
    if column.missing > 0.5 * len(column.values):
        return 0.0
    held = 2.0 if column.time else 1.0 if column.odd_date and name > 0 else 0.0
    if not held and not (column.numbers is not None and name >= 1):
        return 0.0
    return max(0.1 if column.time else 0.0, held + name - (1.0 if column.missing else 0.0))


def _best(columns: Sequence[Column], role: Role, *, least: float) -> Column | None:
    """The one whose name says the role best, if it says so at least that much."""
    scores = [name_score(column.name, role) for column in columns]
    if not scores or max(scores) < least:
        return None
    return columns[int(np.argmax(scores))]


def _has_kinds(column: Column) -> bool:
    few = 2 <= len(column.distinct) <= 30 and column.repeats > 2
    return few and (column.numbers is None or name_score(column.name, "event") > 0)
