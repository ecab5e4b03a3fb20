"""Bands of item popularity, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.interactions import Interactions
from llm4idrec.metrics.popularity_bands import (
    band_recalls,
    band_shares,
    item_bands,
    mean_popularity,
)
from tests.llm4idrec.arrays import interactions


def popular(counts: list[int]) -> Interactions:
    """Item i is taken by the first `counts[i]` users."""
    pairs = [(user, item) for item, count in enumerate(counts) for user in range(count)]
    user, item = np.array(pairs).T
    return interactions(user, item, (max(counts), len(counts)))


def test_bands_hold_a_third_each() -> None:
    """Of 18 interactions item 2 holds 6, items 0 and 4 hold 4 and 2, the rest 6."""
    assert item_bands(popular([4, 1, 6, 1, 2, 2, 2])).tolist() == [1, 2, 0, 2, 1, 2, 2]


def test_an_item_across_the_border_is_in_the_more_popular_band() -> None:
    """Of 10: the first item holds 5, over a third, and so ends the head."""
    assert item_bands(popular([5, 3, 2])).tolist() == [0, 1, 2]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_the_head_is_the_fewest_items_with_a_third(counts: list[int]) -> None:
    bands = item_bands(popular(counts))
    ordered = np.array(counts)[np.argsort(bands, kind="stable")]
    assert bands[np.argmax(counts)] == 0
    for band, rest in ((0, 1), (1, 2)):
        inside, outside = (np.array(counts)[bands == b] for b in (band, rest))
        assert not len(outside) or inside.min(initial=99) >= outside.max()
    size = int((bands == 0).sum())
    assert 3 * ordered[:size].sum() >= sum(counts)
    assert 3 * np.sort(ordered[:size])[1:].sum() < sum(counts)


def test_recall_by_band() -> None:
    """User 0 holds 0 and 1 of the head, 2 of the tail and one outside; user 1 holds 2."""
    heldout = interactions([0, 0, 0, 0, 1, 2], [0, 1, 2, 4, 2, 0], (3, 5))
    bands = np.array([0, 0, 2, 1])
    ranked = np.array([[0, 3], [2, -1]], np.int32)
    recalls = band_recalls(ranked, np.array([0, 1], np.int32), heldout, bands=bands)
    assert recalls == {"head": 1 / 2, "tail": (0 + 1) / 2}


def test_empty_places_are_of_no_band() -> None:
    """-1 beside user 1 must not be read as the last held-out item of user 0."""
    heldout = interactions([0, 1], [3, 0], (2, 4))
    recalls = band_recalls(
        np.array([[-1]], np.int32), np.array([1], np.int32), heldout, bands=np.array([0, 0, 0, 0])
    )
    assert recalls == {"head": 0.0}


def test_mean_popularity() -> None:
    train = popular([4, 1, 6])
    assert mean_popularity(np.array([[0, 2], [2, -1]], np.int32), train) == pytest.approx(16 / 3)
    assert mean_popularity(np.array([[-1]], np.int32), train) == 0


def test_shares_of_the_bands() -> None:
    """Items 0 and 1 are the head, 2 the tail; two places are empty."""
    items = np.array([[0, 1, 2], [0, -1, -1]], np.int32)
    assert band_shares(items, np.array([0, 0, 2])) == {"head": 0.75, "middle": 0.0, "tail": 0.25}
    assert set(band_shares(np.array([-1], np.int32), np.array([0])).values()) == {0.0}
