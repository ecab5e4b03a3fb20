"""A bad night is refused before anything is spent on it, and the champion stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from llm4idrec.replay.arrivals import Arrivals
from llm4idrec.replay.replay import read_reports
from tests.llm4idrec.replay.nights import LENGTH, Shop, shuffled, with_rows
from tests.llm4idrec.replay.year import DAY, MIDNIGHT, lived

NIGHTS, BAD = 10, 7


def half(night: Arrivals) -> Arrivals:
    return with_rows(night, night.rows.slice(0, len(night.rows) // 2))


def twice(night: Arrivals) -> Arrivals:
    return with_rows(night, pa.concat_tables([night.rows, night.rows]))


def shop(fault: Callable[[Arrivals], Arrivals] | None = None) -> pa.Table:
    nights = Shop(seed=3, volume=600, users=40).nights(NIGHTS)
    if fault is not None:
        nights[BAD] = fault(nights[BAD])
    rows = pa.concat_tables([night.rows for night in nights])
    times = MIDNIGHT + rows["timestamp"].to_numpy() * DAY // LENGTH
    rows = rows.set_column(2, "timestamp", pa.array(times))
    return rows.append_column("line", pa.array(np.arange(1, len(rows) + 1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (shuffled, "the items of one user go together"),
        (half, "the night has"),
        (twice, "repeat another of this night"),
    ],
)
def test_a_bad_night_is_refused(
    fault: Callable[[Arrivals], Arrivals], said: str, tmp_path: Path
) -> None:
    good, bad = (
        read_reports(lived(tmp_path / name, shop(each), every="day", begin=0.3))
        for name, each in (("good", None), ("bad", fault))
    )
    assert [report["refused"] for report in good] == [None] * len(good)
    number = BAD - (NIGHTS - len(bad))
    before, broken, after = bad[number - 1 : number + 2]
    assert [report["refused"] for report in (before, after)] == [None, None]
    assert said in broken["refused"]
    assert (broken["lines"], broken["decisions"]) == ({}, [])
    assert broken["champion"] == before["champion"]
    assert after["known_pairs"] == broken["known_pairs"]  # nothing of it is learnt from


@pytest.mark.slow
def test_a_window_that_is_accepted_is_taken(tmp_path: Path) -> None:
    name = str(np.datetime64("1970-01-01") + MIDNIGHT // DAY + BAD)
    reports = read_reports(lived(tmp_path, shop(half), every="day", begin=0.3))
    number = next(n for n, report in enumerate(reports) if report["window"] == name)
    assert reports[number]["refused"]
    accepted = read_reports(lived(tmp_path, shop(half), every="day", begin=0.3, accept=[name]))
    assert accepted[:number] == reports[:number]
    assert accepted[number]["refused"] is None
    assert accepted[number + 1]["known_pairs"] > reports[number + 1]["known_pairs"]
