"""Where generated items stand, by example and as properties."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import EvaluationConfig, Placement
from llm4idrec.data.interactions import Interactions
from tests.llm4idrec.arrays import interactions

USERS, ITEMS = 4, 30
PLACEMENTS = get_args(Placement)

placements = st.sampled_from(PLACEMENTS)
pairs = st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1))
lists = st.lists(pairs, unique=True, max_size=40)


def table(of: list[tuple[int, int]], timed: bool = True) -> Interactions:
    """The pairs, each 10 later than the one before."""
    user, item = np.array(of, np.int64).reshape(-1, 2).T
    return interactions(
        user, item, (USERS, ITEMS), timestamp=10 * np.arange(len(of)) if timed else None
    )


def placed(original: Interactions, of: list[tuple[int, int]], placement: Placement) -> Interactions:
    user, item = np.array(of, np.int64).reshape(-1, 2).T
    return place_generated(original, user, item, placement=placement)


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("before", [22, 21, 20, 1, 2, 3, 4]),
        ("spread", [1, 22, 2, 21, 3, 20, 4]),
        ("after", [1, 2, 3, 4, 20, 21, 22]),
    ],
)
def test_by_example(placement: Placement, expected: list[int]) -> None:
    original = table([(0, 1), (2, 9), (0, 2), (0, 3), (0, 4)])
    both = placed(original, [(0, 20), (0, 21), (0, 22)], placement)
    assert both.items_of(0).tolist() == expected
    assert both.items_of(2).tolist() == [9]
    assert both.timestamp is not None
    assert both.timestamp.tolist() == [*range(7), 0]


@pytest.mark.parametrize(
    ("placement", "expected"), [("before", [21, 20]), ("spread", [21, 20]), ("after", [20, 21])]
)
def test_user_without_history(placement: Placement, expected: list[int]) -> None:
    both = placed(table([(0, 1)]), [(3, 20), (3, 21)], placement)
    assert both.items_of(3).tolist() == expected


def test_spread_is_even() -> None:
    both = placed(table([(0, item) for item in range(9)]), [(0, 20), (0, 21), (0, 22)], "spread")
    assert both.items_of(0).tolist() == [0, 1, 22, 2, 3, 21, 4, 5, 20, 6, 7, 8]


def test_spread_has_an_original_last() -> None:
    both = placed(table([(0, 5)]), [(0, 20), (0, 21)], "spread")
    assert both.items_of(0).tolist() == [21, 20, 5]


def test_placements_are_those_of_the_parameters() -> None:
    field = EvaluationConfig.model_fields["placement"]
    assert get_args(field.annotation) == PLACEMENTS


@settings(max_examples=60)
@given(lists, lists, placements)
def test_all_pairs_and_both_orders_are_kept(
    originals: list[tuple[int, int]], generated: list[tuple[int, int]], placement: Placement
) -> None:
    original = table(originals)
    both = placed(original, generated, placement)

    assert set(zip(both.user, both.item, strict=True)) == set(originals) | set(generated)
    assert both.timestamp is not None
    for user in range(USERS):
        items = both.items_of(user).tolist()
        own = original.items_of(user).tolist()
        new = [item for u, item in generated if u == user and item not in own]
        assert [item for item in items if item in own] == own
        order = new if placement == "after" else new[::-1]
        assert [item for item in items if item in new] == order
        if placement != "after" and own:
            assert items[-1] == own[-1]
        if placement != "before" and len(own) > 1:
            assert items[0] == own[0]
        time = both.timestamp[both.offsets[user] : both.offsets[user + 1]]
        assert time.tolist() == list(range(len(items))) or not generated


def test_without_a_generated_pair_the_times_stay() -> None:
    original = table([(0, 3), (0, 1), (1, 2)])
    assert placed(original, [], "before") is original


@settings(max_examples=60)
@given(lists, lists, placements)
def test_without_time(
    originals: list[tuple[int, int]], generated: list[tuple[int, int]], placement: Placement
) -> None:
    both = placed(table(originals, timed=False), generated, placement)
    assert both.timestamp is None
    assert set(zip(both.user, both.item, strict=True)) == set(originals) | set(generated)


@settings(max_examples=60)
@given(lists, lists, placements)
def test_only_the_order_within_a_user_counts(
    originals: list[tuple[int, int]],
    generated: list[tuple[int, int]],
    placement: Placement,
) -> None:
    by_user = sorted(generated, key=lambda pair: pair[0])
    assert placed(table(originals), generated, placement) == placed(
        table(originals), by_user, placement
    )


@pytest.mark.parametrize("of", [[(0, 5), (0, 5)], [(0, ITEMS)], [(USERS, 0)], [(0, -1)]])
@pytest.mark.parametrize("timed", [True, False])
def test_refusals(of: list[tuple[int, int]], timed: bool) -> None:
    with pytest.raises(ValueError, match="expected"):
        placed(table([(0, 1)], timed), of, "before")
