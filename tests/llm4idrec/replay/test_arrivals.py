"""Ordinary nights pass, and each broken one is refused with a sentence that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from llm4idrec.errors import InputError
from llm4idrec.replay.arrivals import Arrivals, require_plausible
from tests.llm4idrec.replay.nights import Shop, shuffled, with_column, with_rows

WEEK = (1.0, 0.9, 1.0, 1.1, 1.2, 1.3, 0.8)


def renamed(night: Arrivals, name: str) -> Arrivals:
    return with_column(night, name, pc.binary_join_element_wise("x", night.rows[name], ""))


def one_at(night: Arrivals, time: int) -> Arrivals:
    times = night.rows["timestamp"].to_numpy().copy()
    times[2] = time
    return with_column(night, "timestamp", pa.array(times))


BROKEN: list[tuple[Callable[[Arrivals, Arrivals], Arrivals], str]] = [
    (
        lambda night, _: with_rows(night, night.rows.slice(0, len(night.rows) // 2)),
        r"the night has 3\d\d rows; expected [45]\d\d to 1\d\d\d, as the 8 nights before it; see",
    ),
    (lambda night, _: with_rows(night, night.rows.slice(0, 0)), "the night has 0 rows; expected"),
    (
        lambda night, _: with_rows(night, pa.concat_tables([night.rows, night.rows])),
        r"50\.\d% of the rows repeat another of this night: user, item and time; expected at most",
    ),
    (
        lambda night, last: with_rows(night, last.rows),
        "100.0% of the rows came in an earlier night, with the same time; expected at most 5.0%",
    ),
    (
        lambda night, last: with_rows(night, pa.concat_tables([night.rows, last.rows])),
        "% of the rows came in an earlier night",
    ),
    (
        lambda night, _: one_at(night, night.begin - 1),
        r"row 3, of user 'u\d+' and item 'i\d+', is of time 9999; expected times from 10000 to "
        "10999; see whether a clock ran backwards or ahead",
    ),
    (lambda night, _: one_at(night, night.end), "is of time 11000; expected times from 10000"),
    (
        lambda night, _: renamed(night, "user"),
        "100.0% of the rows are of users that were never seen before; expected at most 25.",
    ),
    (
        lambda night, _: renamed(night, "item"),
        "100.0% of the rows are of items that were never seen before; expected at most 25.",
    ),
    (
        lambda night, _: shuffled(night),
        r"the items of one user go together -?\d\.\d spreads more than shuffled ones; expected at "
        r"least \d+\.\d, as those of the 3 nights before it; see whether users and items still",
    ),
]


@pytest.mark.parametrize(("broken", "message"), BROKEN)
def test_a_broken_night_is_refused(
    broken: Callable[[Arrivals, Arrivals], Arrivals], message: str
) -> None:
    *before, tonight = Shop(seed=1).nights(11)
    require_plausible(tonight, before)
    with pytest.raises(InputError, match=message) as caught:
        require_plausible(broken(tonight, before[-1]), before)
    assert str(caught.value).startswith("night 10000 to 11000: ")


def test_ordinary_nights_pass() -> None:
    alarms = []
    for seed in range(100):
        shop = Shop(seed, volume=(80, 750)[seed % 2], seasons=WEEK)
        *before, tonight = shop.nights(4 + seed % 9)
        try:
            require_plausible(tonight, before)
        except InputError as error:
            alarms.append(str(error))
    assert len(alarms) <= 2, alarms


def test_a_large_night_that_is_shuffled_is_refused() -> None:
    *before, tonight = Shop(seed=2, volume=5000, users=400).nights(5)
    assert require_plausible(tonight, before)["coherence_checked"] == 1
    with pytest.raises(InputError, match="the items of one user go together"):
        require_plausible(shuffled(tonight), before)


def test_without_a_taste_a_shuffle_is_not_told_and_the_summary_says_so() -> None:
    nights = [shuffled(night) for night in Shop(seed=3).nights(6)]
    summary = require_plausible(nights[-1], nights[:-1])
    assert summary["coherence_checked"] == 0
    assert abs(summary["coherence"]) < 4


@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_few_nights_tell_nothing(n_before: int) -> None:
    *before, tonight = Shop(seed=4).nights(n_before + 1)
    half = with_rows(tonight, tonight.rows.slice(0, len(tonight.rows) // 2))
    odd = renamed(renamed(shuffled(half), "user"), "item")
    summary = require_plausible(odd, before)
    names = ("rows", "repeated_share", "new_user_share", "new_item_share", "coherence")
    assert [summary[f"{name}_checked"] for name in names] == [0] * 5
    assert summary["nights_before"] == n_before
    assert summary["brought_before_share_checked"] == (n_before > 0)


@pytest.mark.parametrize(
    ("seasons", "is_refused"), [((1.0, 2.0, 4.0, 3.0), False), ((1.0, 0.9), True)]
)
def test_half_the_volume_is_odd_where_it_is_steady(
    seasons: tuple[float, ...], is_refused: bool
) -> None:
    *before, tonight = Shop(seed=5, seasons=seasons).nights(10)
    lowest = require_plausible(tonight, before)["rows_lowest"]
    assert (lowest > len(tonight.rows) / 2) == is_refused


def test_no_change_by_less_than_a_third_is_refused() -> None:
    *before, tonight = Shop(seed=6, volume=3000).nights(9)
    require_plausible(with_rows(tonight, tonight.rows.slice(0, 2150)), before)
    with pytest.raises(InputError, match=re.escape("the night has 1900 rows")):
        require_plausible(with_rows(tonight, tonight.rows.slice(0, 1900)), before)


def test_what_was_known_counts_as_seen_up_to_the_first_night() -> None:
    shop = Shop(seed=7, users=40)
    *nights, tonight = shop.nights(6)
    known = pa.concat_tables([night.rows for night in nights])
    with_time = require_plausible(tonight, nights[2:], known)
    cut = require_plausible(tonight, nights[2:], known.filter(pc.less(known["timestamp"], 2000)))
    assert with_time == cut
    assert with_time["new_user_share_checked"] == 1
    without_time = require_plausible(tonight, nights[2:], nights[0].rows.drop(["timestamp"]))
    assert without_time["new_user_share_checked"] == 1
    first = with_rows(nights[2], nights[0].rows)
    with pytest.raises(InputError, match=r"100\.0% of the rows came in an earlier night"):
        require_plausible(first, [], known)


def test_repeats_are_usual_where_every_night_has_them() -> None:
    nights = [
        with_rows(night, pa.concat_tables([night.rows, night.rows.slice(0, 200)]))
        for night in Shop(seed=8).nights(6)
    ]
    summary = require_plausible(nights[-1], nights[:-1])
    assert 0.18 < summary["repeated_share"] < summary["repeated_share_highest"] < 0.35
