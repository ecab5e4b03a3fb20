"""Windows over the time that interactions span."""

from __future__ import annotations

from datetime import date
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
    """The windows after what `config.begin` says is known, of interactions with these `times` (n,).

    The last still goes on: nobody knows all of it. Interactions of one time are in one window, and
    there is none of a stretch of the calendar without any.
    Raises `InputError` where times are no dates and a calendar is asked for, or where no
    window is over.
    """
    ascending = np.sort(times)
    begin = _begin(ascending, config.begin)
    if isinstance(config.every, int):
        starts = list(dict.fromkeys(ascending[ascending >= begin][:: config.every].tolist()))
        borders = [*starts, int(ascending[-1]) + 1]
        names = [f"window {number}" for number in range(1, len(borders))]
    else:
        borders, names = _by_calendar(ascending, begin, config.every)
    ends = zip(borders[:-1], borders[1:], names, strict=True)
    places = np.searchsorted(ascending, borders)
    full = [its for its, rows in zip(ends, np.diff(places), strict=True) if rows]
    windows = [Window(number, *its) for number, its in enumerate(full)]
    if len(windows) < 2:
        found = f"replay.every {config.every} leaves no window that is over"
        raise InputError(found, "one at least", "take shorter ones, or begin earlier", file=PARAMS)
    if begin <= ascending[0]:
        found = f"nothing is known before replay.begin {config.begin}"
        raise InputError(found, "some interactions", "begin later", file=PARAMS)
    return windows


def _begin(ascending: LongArray, begin: float | date) -> int:
    if isinstance(begin, date):
        unit = _unit(ascending)
        return int(np.datetime64(begin).astype(f"datetime64[{unit}]").astype(np.int64))
    return int(ascending[min(int(np.ceil(begin * len(ascending))), len(ascending) - 1)])


def _by_calendar(ascending: LongArray, begin: int, every: Every) -> tuple[list[int], list[str]]:
    """From the first whole one on."""
    unit = _unit(ascending)
    kind = _CALENDAR[str(every)]
    ends = np.array([begin - 1, ascending[-1]]).astype(f"datetime64[{unit}]")
    shift = _MONDAY if every == "week" else np.timedelta64(0, "D")
    before, last = (ends.astype("datetime64[D]") - shift).astype(f"datetime64[{kind}]")
    days = np.arange(before + 1, last + 2).astype("datetime64[D]") + shift
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
        "set replay.every to a number of interactions, and replay.begin to a share",
        file=PARAMS,
    )
