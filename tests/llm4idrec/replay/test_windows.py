"""Windows by the calendar, and by number."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import parsed
from llm4idrec.config.replay import Every, ReplayConfig
from llm4idrec.errors import InputError
from llm4idrec.replay.windows import cut

DAY = 86_400
EVERY: tuple[Every, ...] = ("day", "week", 7, 13)


def dates(*days: str) -> np.ndarray:
    return np.array(days, "datetime64[s]").astype(np.int64)


def config(every: Every, begin: float = 0.4) -> ReplayConfig:
    return ReplayConfig(every=every, begin=begin)


@pytest.mark.parametrize(
    ("every", "names"),
    [
        ("month", ["2024-02-01", "2024-03-01"]),
        ("week", ["2024-02-12", "2024-03-04"]),  # none without interactions
    ],
)
@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_by_the_calendar(every: Every, names: list[str], unit: int) -> None:
    """From the first whole one after what is known before, in whichever unit times are."""
    times = dates("2024-01-01", "2024-01-20", "2024-01-31", "2024-02-14", "2024-03-05") * unit
    windows = cut(times, config(every))
    assert [window.name for window in windows] == names
    assert windows[0].begin == dates(names[0])[0] * unit
    for before, after in pairwise(windows):
        assert before.end <= after.begin
    assert windows[-1].end > times[-1]


def test_by_number_the_last_goes_on() -> None:
    assert [w[1:3] for w in cut(np.arange(100), config(20))] == [(40, 60), (60, 80), (80, 100)]
    assert [w[1:3] for w in cut(np.arange(101), config(20, 0.39))][-2:] == [(80, 100), (100, 101)]


def test_equal_times_are_in_one_window() -> None:
    times = np.repeat([1, 2, 3, 4], 10)
    assert [w[1:3] for w in cut(times, config(4, 0.5))] == [(3, 4), (4, 5)]


@pytest.mark.parametrize("every", ["week", 10])
def test_from_a_day_on_more_data_change_no_border(every: Every) -> None:
    times = dates("2024-01-01")[0] + DAY * np.arange(90) // 2
    told = ReplayConfig(every=every, begin=date(2024, 1, 8))
    few, more = cut(times[:60], told), cut(times, told)
    assert few[0].begin == dates("2024-01-08")[0]
    assert more[: len(few) - 1] == few[:-1]
    assert (more[len(few) - 1].begin, more[len(few) - 1].name) == (few[-1].begin, few[-1].name)


@given(st.lists(st.integers(0, DAY - 1), min_size=60, max_size=90), st.data())
def test_every_interaction_after_the_first_border_is_in_one_window(
    within: list[int], data: st.DataObject
) -> None:
    every: Every = data.draw(st.sampled_from(EVERY))
    times = 10**9 + DAY * np.arange(len(within)) + within
    windows = cut(times, config(every))
    inside = np.sum([(times >= w.begin) & (times < w.end) for w in windows], axis=0)
    assert (inside == (times >= windows[0].begin)).all()


def test_what_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="are no dates"):
        cut(np.arange(100), config("week"))
    with pytest.raises(InputError, match="leaves no window that is over"):
        cut(np.arange(100), config(60))


def test_nothing_known_before_the_first_window() -> None:
    with pytest.raises(InputError, match="nothing is known before"):
        cut(dates("2024-01-01", "2024-01-08", "2024-01-20"), ReplayConfig(begin=date(2023, 1, 1)))


@pytest.mark.parametrize("begin", [0, 1.5, "soon"])
def test_what_is_no_beginning(begin: object) -> None:
    with pytest.raises(InputError, match=r"begin"):
        parsed(ReplayConfig, {"begin": begin})
    assert parsed(ReplayConfig, {"begin": "2024-12-31"}).begin == date(2024, 12, 31)
