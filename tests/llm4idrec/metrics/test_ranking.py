"""Metrics against hand-computed answers and against loops that follow the definitions."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.metrics.ranking import (
    coverage,
    evaluated_users,
    metrics_in_catalogue,
    user_metrics,
)
from tests.llm4idrec.arrays import interactions


def test_known_answers() -> None:
    """User 0 holds 1, 3, 9 and gets 3, 5, 1; user 1 holds 2 and gets 0, 4, 6."""
    heldout = interactions([0, 0, 0, 1], [1, 3, 9, 2], (2, 10))
    ranked = np.array([[3, 5, 1], [0, 4, 6]], np.int32)

    metrics = user_metrics(ranked, np.array([0, 1], np.int32), heldout, cutoffs=(1, 2, 3))

    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    expected: dict[str, list[float]] = {
        "recall_at_1": [1 / 3, 0],
        "ndcg_at_1": [1, 0],
        "hr_at_1": [1, 0],
        "mrr_at_1": [1, 0],
        "recall_at_2": [1 / 3, 0],
        "ndcg_at_2": [1 / (1 + 1 / log2(3)), 0],
        "hr_at_2": [1, 0],
        "mrr_at_2": [1, 0],
        "recall_at_3": [2 / 3, 0],
        "ndcg_at_3": [(1 + 1 / log2(4)) / ideal, 0],
        "hr_at_3": [1, 0],
        "mrr_at_3": [1, 0],
    }
    assert list(metrics) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(metrics[name], values, err_msg=name)


def test_first_hit_below_the_cutoff() -> None:
    heldout = interactions([0], [7], (1, 8))
    metrics = user_metrics(np.array([[1, 2, 7]]), np.array([0]), heldout, cutoffs=(2, 3))
    assert metrics["mrr_at_2"] == metrics["hr_at_2"] == metrics["ndcg_at_2"] == 0
    assert metrics["mrr_at_3"] == pytest.approx(1 / 3)
    assert metrics["ndcg_at_3"] == pytest.approx(1 / log2(4))


def test_empty_places_never_hit() -> None:
    """-1 beside user 1 must not be read as the last item of user 0."""
    heldout = interactions([0, 1], [4, 2], (2, 5))
    metrics = user_metrics(np.array([[-1, -1]]), np.array([1]), heldout, cutoffs=(2,))
    assert all(values[0] == 0 for values in metrics.values())


def test_item_outside_the_catalogue_counts_as_held_out() -> None:
    heldout = interactions([0, 0], [0, 99], (1, 100))
    metrics = user_metrics(np.array([[0, 1]]), np.array([0]), heldout, cutoffs=(2,))
    assert metrics["recall_at_2"][0] == 0.5


def test_in_catalogue_is_over_users_who_have_another_item() -> None:
    """User 0 has a hit and an item out of reach, user 1 such an item only, user 2 a miss."""
    heldout = interactions([0, 0, 1, 2], [0, 99, 98, 2], (3, 100))
    ranked, users = np.array([[0, 1], [0, 1], [0, 1]]), np.array([0, 1, 2])
    everything = user_metrics(ranked, users, heldout, cutoffs=(2,))
    known = metrics_in_catalogue(ranked, users, heldout, n_items=90, cutoffs=(2,))
    assert everything["recall_at_2"].tolist() == [0.5, 0, 0]
    assert known == {f"{name}_at_2_in_catalogue": 0.5 for name in ("recall", "ndcg", "hr", "mrr")}
    whole = metrics_in_catalogue(ranked, users, heldout, n_items=100, cutoffs=(2,))
    assert whole == {f"{key}_in_catalogue": v.mean() for key, v in everything.items()}


def test_in_catalogue_is_unknown_where_nobody_has_such_an_item() -> None:
    heldout = interactions([0], [9], (1, 10))
    ranked, users = np.array([[0, 1]]), np.array([0])
    assert metrics_in_catalogue(ranked, users, heldout, n_items=5, cutoffs=(2,)) == {}


def test_refuses_user_without_heldout_and_long_cutoff() -> None:
    heldout = interactions([0], [0], (2, 5))
    with pytest.raises(ValueError, match="nothing held out"):
        user_metrics(np.array([[0]]), np.array([1]), heldout, cutoffs=(1,))
    with pytest.raises(ValueError, match="only 1 places"):
        user_metrics(np.array([[0]]), np.array([0]), heldout, cutoffs=(2,))


def test_evaluated_users() -> None:
    train = interactions([0, 0, 2, 3], [0, 1, 1, 2], (5, 3))
    heldout = interactions([1, 2, 3, 3], [0, 0, 0, 1], (5, 4))
    assert evaluated_users(train, heldout).tolist() == [2, 3]


def test_coverage() -> None:
    assert coverage(np.array([[0, 3], [3, -1]]), 8) == 2 / 8


ITEMS = 8
cases = st.lists(
    st.tuples(
        st.permutations(range(ITEMS)).map(lambda p: p[:5]),
        st.integers(0, 5),
        st.sets(st.integers(0, ITEMS + 1), min_size=1),
    ),
    min_size=1,
    max_size=4,
)


def naive(ranked: list[int], wanted: set[int], n: int) -> dict[str, float]:
    hits = [place for place, item in enumerate(ranked[:n], 1) if item in wanted]
    ideal = sum(1 / log2(place + 1) for place in range(1, min(len(wanted), n) + 1))
    return {
        f"recall_at_{n}": len(hits) / len(wanted),
        f"ndcg_at_{n}": sum(1 / log2(place + 1) for place in hits) / ideal,
        f"hr_at_{n}": float(bool(hits)),
        f"mrr_at_{n}": 1 / hits[0] if hits else 0.0,
    }


@given(cases, st.integers(1, 5))
def test_agrees_with_a_loop(case: list[tuple[list[int], int, set[int]]], n: int) -> None:
    rows = [row[:length] + [-1] * (5 - length) for row, length, _ in case]
    held = [(user, item) for user, (_, _, wanted) in enumerate(case) for item in wanted]
    user, item = np.array(held).T
    heldout = interactions(user, item, (len(case), ITEMS + 2))
    users = np.arange(len(case), dtype=np.int32)[::-1]

    metrics = user_metrics(np.array(rows, np.int32)[users], users, heldout, cutoffs=(n,))

    for place, user in enumerate(users):
        for name, value in naive(rows[user], case[user][2], n).items():
            assert metrics[name][place] == pytest.approx(value), name
            assert 0 <= value <= 1 + 1e-12
