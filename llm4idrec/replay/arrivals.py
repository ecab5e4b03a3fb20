"""What a night's interactions must be like, by the nights before, before anything is spent on them.

A night that was cut off, delivered twice, written with other IDs or mixed up is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.expectations import Check, Suite, Validation, expect
from llm4idrec.data.interactions import LongArray
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError
from llm4idrec.replay.bounds import NIGHTS, highest_share, volume_bounds
from llm4idrec.replay.coherence import Coherence, coherence, item_vectors
from llm4idrec.replay.history import History
from llm4idrec.replay.measure import Measure, fault

NEW_MARGIN = 0.25
"""Part of the rows that may be of new users, or new items, beyond what is usual: a campaign brings
some, and other IDs make all of them new."""
REPEATED_MARGIN = 0.05
"""The same of rows that repeat others: shops scan an article twice, a file that is there twice has
half of them."""
COMPARED = 3
"""Nights whose coherence tonight's is held against; the vectors are of the rows before them."""
CLEAR = 10.0
"""Spreads above its shuffles that each of those nights must have had, and as many be expected of
tonight, for tonight to be judged by that: a third of it is more than a shuffled night has."""
SHUFFLED = 1 / 3
"""Part of the least of those nights' coherence below which tonight is mixed up. Of 60 real nights
none had less than 0.57 of it, and one that is half shuffled has a quarter."""


@dataclass(frozen=True)
class Arrivals:
    """What one window brought.

    `rows` has columns user (string), item (string) and timestamp (int64), without nulls, in file
    order, repeated pairs included; begin <= timestamp < end.
    """

    rows: pa.Table
    begin: int
    end: int

    @property
    def name(self) -> str:
        return f"night {self.begin} to {self.end}"


def arrivals_validation(
    tonight: Arrivals, before: Sequence[Arrivals], known: pa.Table | None = None
) -> Validation:
    """Of tonight's rows, by the nights `before`, oldest first, and what was `known` before those.

    `known` has columns user and item, and perhaps timestamp: then its rows from the first night on
    are left out. What too few nights tell of is not checked, which the summary says.
    """
    import pandas as pd  # who checks it by Great Expectations has it; the library does without

    measures = measured(tonight, before, known)
    checked = [measure for measure in measures if measure.is_checked]
    values = {measure.name: [measure.value] for measure in checked}
    rows = tonight.rows.to_pandas()
    rows["row"] = range(1, len(rows) + 1)
    source = Source(Path(tonight.name))
    suites = [Suite("night_rows", source, rows, [_in_time(tonight)])]
    if checked:
        checks = [measure.check() for measure in checked]
        suites.insert(0, Suite("night", source, pd.DataFrame(values), checks))
    return Validation(suites, _summary(measures, before))


def require_plausible(
    tonight: Arrivals, before: Sequence[Arrivals], known: pa.Table | None = None
) -> dict[str, float]:
    """The same checks without Great Expectations; the summary, or `InputError` for the first."""
    measures = measured(tonight, before, known)
    if error := fault(measures, tonight.name):
        raise error
    time = tonight.rows["timestamp"]
    outside = pc.or_(pc.less(time, tonight.begin), pc.greater_equal(time, tonight.end))
    if (row := pc.index(outside, True).as_py()) >= 0:
        values = tonight.rows.slice(row, 1).to_pylist()[0]
        check = _in_time(tonight)
        found = check.found(**values, row=row + 1)
        raise InputError(found, check.expected, check.remedy, file=tonight.name)
    return _summary(measures, before)


def measured(
    tonight: Arrivals, before: Sequence[Arrivals], known: pa.Table | None
) -> list[Measure]:
    """All numbers of the night that can be told, those that say most of what is wrong first."""
    nights = [*before, tonight]
    if known is not None and "timestamp" in known.column_names:
        known = known.filter(pc.less(known["timestamp"], nights[0].begin))
    history = History.of(known, [night.rows for night in nights])
    return [*_repeats(history), _volume(history), *_newcomers(history), _together(history)]


def _summary(measures: Sequence[Measure], before: Sequence[Arrivals]) -> dict[str, float]:
    summary: dict[str, float] = {"nights_before": len(before)}
    for measure in measures:
        summary |= measure.summary()
    return summary


def _in_time(tonight: Arrivals) -> Check:
    last = tonight.end - 1
    bounds = {"min_value": tonight.begin, "max_value": last}
    return Check(
        expect("ColumnValuesToBeBetween", column="timestamp", **bounds),
        "row {row}, of user {user!r} and item {item!r}, is of time {timestamp:.0f}".format,
        f"times from {tonight.begin} to {last}",
        "see whether a clock ran backwards or ahead, or the row belongs to another night",
    )


def _repeats(history: History) -> list[Measure]:
    rows, repeated = history.rows[1:], history.repeated[1:]
    # Nights do not overlap, so that this takes no evidence: no row can have been there before.
    brought = REPEATED_MARGIN if history.rows[:-1].any() else None
    return [
        _at_most(
            "brought_before_share",
            _share(history.brought_before, history.rows),
            brought,
            found="came in an earlier night, with the same time",
            remedy="see whether an old file was delivered again",
        ),
        _at_most(
            "repeated_share",
            _share(repeated, rows),
            highest_share(repeated[:-1], rows[:-1], REPEATED_MARGIN),
            found="repeat another of this night: user, item and time",
            remedy="deliver each of the night's rows once",
        ),
    ]


def _volume(history: History) -> Measure:
    rows = history.rows[1:]
    low, high = volume_bounds(rows[:-1]) or (None, None)
    compared = min(len(rows) - 1, NIGHTS)
    expected = "" if low is None else f"{low:.0f} to {high:.0f}, as the {compared} nights before it"
    return Measure(
        "rows",
        int(rows[-1]),
        low,
        high,
        "the night has {rows:.0f} rows",
        expected,
        "see whether the file is cut off or holds more than the night, and deliver it again",
    )


def _newcomers(history: History) -> list[Measure]:
    rows = history.rows[1:-1]
    if not history.rows[0]:
        rows[:1] = 0  # where nothing was known all of the first night is new, which tells nothing
    return [
        _at_most(
            f"new_{role}_share",
            _share(new, history.rows),
            highest_share(new[1:-1], rows, NEW_MARGIN),
            found=f"are of {role}s that were never seen before",
            remedy="see whether IDs are written as before",
        )
        for role, new in (("user", history.of_new_users), ("item", history.of_new_items))
    ]


def _together(history: History) -> Measure:
    value = low = None
    first = history.n_nights - COMPARED
    past = history.until(first)
    if first > 0 and past.stop:
        vectors = item_vectors(history.user[past], history.item[past])
        spans = [history.during(night) for night in range(first, history.n_nights + 1)]
        *earlier, tonight = [
            coherence(history.user[span], history.item[span], vectors) for span in spans
        ]
        if tonight:
            value, low = tonight.spreads, _least_coherence(earlier, tonight.spread)
    return Measure(
        "coherence",
        value,
        low,
        None,
        "the items of one user go together {coherence:.1f} spreads more than shuffled ones",
        "" if low is None else f"at least {low:.1f}, as those of the {COMPARED} nights before it",
        "see whether users and items still stand in the same rows",
    )


def _least_coherence(earlier: Sequence[Coherence | None], spread: float) -> float | None:
    """In tonight's spreads; None where the nights before do not tell."""
    clear = [night.gain / spread for night in earlier if night and night.spreads >= CLEAR]
    if len(clear) < COMPARED or min(clear) < CLEAR:
        return None
    return SHUFFLED * min(clear)


def _share(rows: LongArray, of_rows: LongArray) -> float:
    """Of the last night, tonight."""
    return float(rows[-1] / max(of_rows[-1], 1))


def _at_most(name: str, value: float, high: float | None, *, found: str, remedy: str) -> Measure:
    expected = "" if high is None else f"at most {high:.1%}, as the nights before it"
    return Measure(name, value, None, high, f"{{{name}:.1%}} of the rows {found}", expected, remedy)
