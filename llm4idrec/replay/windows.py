"""Windows over the time that interactions span."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm4idrec.config.replay import Every, ReplayConfig
from llm4idrec.data.interactions import LongArray
from llm4idrec.errors import InputError
from llm4idrec.runtime.project import PARAMS

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Of whole numbers since 1970, and how many there are in a second."""
_DATES = 10**8, 4 * 10**9
"""Seconds since 1970 that are taken for dates: 1973 to 2096."""
_CALENDAR = {"day": "D", "week": "W", "month": "M", "year": "Y"}
_MONDAY = np.timedelta64(4, "D")
"""NumPy's weeks begin on Thursday, as 1970 did; this is on to Monday."""


class Window(NamedTuple):
    """The times from `begin` up to, but not including, `end`."""

    number: int
    begin: int
    end: int
    name: str
    """Its first day, or its number."""


def cut(times: LongArray, config: ReplayConfig) -> list[Window]:
    """The windows after the share `config.begin` of the interactions with these `times` (n,).

    Calendar windows are whole but for the last. Of windows by number one that has less than half as
    many interactions as it should at the end is left out. Raises `InputError` where times are no
    dates and a calendar is asked for, or where fewer than two windows are left.
    """
    ascending = np.sort(times)
    first = min(int(np.ceil(config.begin * len(ascending))), len(ascending) - 1)
    if isinstance(config.every, int):
        borders, names = _by_number(ascending, first, config.every)
    else:
        borders, names = _by_calendar(ascending, first, config.every)
    windows = [
        Window(number, begin, end, name)
        for number, (begin, end, name) in enumerate(
            zip(borders[:-1], borders[1:], names, strict=True)
        )
    ]
    if len(windows) < 2:
        found = f"replay.every {config.every} leaves {len(windows)} windows"
        expected = "two at least, to have something happen next"
        raise InputError(found, expected, "take shorter ones", file=PARAMS)
    return windows


def _by_number(ascending: LongArray, first: int, every: int) -> tuple[list[int], list[str]]:
    """Interactions of one time are in one window."""
    starts = ascending[first::every].tolist()
    rest = (len(ascending) - first) % every
    short = 0 < 2 * rest < every
    end = starts.pop() if short else int(ascending[-1]) + 1
    borders = list(dict.fromkeys([*starts, end]))
    return borders, [f"window {number}" for number in range(1, len(borders))]


def _by_calendar(ascending: LongArray, first: int, every: Every) -> tuple[list[int], list[str]]:
    unit = _unit(ascending)
    kind = _CALENDAR[str(every)]
    begin, last = ascending[[first, -1]].astype(f"datetime64[{unit}]")
    shift = _MONDAY if every == "week" else np.timedelta64(0, "D")
    start = (begin.astype("datetime64[D]") - shift).astype(f"datetime64[{kind}]") + 1
    stop = (last.astype("datetime64[D]") - shift).astype(f"datetime64[{kind}]") + 2
    days = np.arange(start, stop).astype("datetime64[D]") + shift
    borders = days.astype(f"datetime64[{unit}]").astype(np.int64).tolist()
    return borders, [str(day) for day in days[:-1]]


def _unit(ascending: LongArray) -> str:
    for unit, a_second in _UNITS.items():
        low, high = (end * a_second for end in _DATES)
        if low <= ascending[0] and ascending[-1] <= high:
            return unit
    raise InputError(
        f"times from {ascending[0]} to {ascending[-1]} are no dates",
        "seconds since 1970, or ISO 8601, for windows of the calendar",
        "set replay.every to a number of interactions",
        file=PARAMS,
    )
