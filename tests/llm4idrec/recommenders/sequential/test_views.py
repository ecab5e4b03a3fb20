"""The three views of CL4SRec."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.recommenders.sequential.sequences import Sequences
from llm4idrec.recommenders.sequential.views import crop, mask, random_view, reorder

HIDDEN = 999
shares = st.floats(0.05, 0.95)
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def numbered(counts: list[int]) -> Sequences:
    """Every item is one of a kind: sequence * 100 + place."""
    items = [100 * i + place for i, count in enumerate(counts) for place in range(count)]
    return Sequences(np.array(items, np.int64), np.array(counts, np.int64))


def as_lists(found: Sequences) -> list[list[int]]:
    return [
        found.items[start : start + length].tolist()
        for start, length in zip(found.starts, found.lengths, strict=True)
    ]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@settings(max_examples=60)
@given(lengths, shares)
def test_crop_keeps_a_stretch(counts: list[int], share: float) -> None:
    for whole, view in zip(
        as_lists(numbered(counts)), as_lists(crop(numbered(counts), share, rng())), strict=True
    ):
        assert len(view) == max(1, int(share * len(whole)))
        assert view == list(range(view[0], view[0] + len(view)))
        assert set(view) <= set(whole)


@settings(max_examples=60)
@given(lengths, shares)
def test_mask_hides_a_share(counts: list[int], share: float) -> None:
    for whole, view in zip(
        as_lists(numbered(counts)),
        as_lists(mask(numbered(counts), share, hidden=HIDDEN, rng=rng())),
        strict=True,
    ):
        assert view.count(HIDDEN) == int(share * len(whole))
        assert all(new in (old, HIDDEN) for old, new in zip(whole, view, strict=True))


@settings(max_examples=60)
@given(lengths, shares)
def test_reorder_shuffles_a_stretch(counts: list[int], share: float) -> None:
    for whole, view in zip(
        as_lists(numbered(counts)), as_lists(reorder(numbered(counts), share, rng())), strict=True
    ):
        assert sorted(view) == whole
        moved = [place for place, (a, b) in enumerate(zip(whole, view, strict=True)) if a != b]
        assert not moved or moved[-1] - moved[0] < int(share * len(whole))


def test_every_place_is_cropped_masked_and_moved() -> None:
    whole = numbered([6] * 400)
    assert {view[0] % 100 for view in as_lists(crop(whole, 0.5, rng()))} == {0, 1, 2, 3}
    hidden = np.array(as_lists(mask(whole, 0.5, hidden=HIDDEN, rng=rng()))) == HIDDEN
    assert (np.abs(hidden.mean(0) - 0.5) < 0.1).all()
    moved = np.array(as_lists(reorder(whole, 0.5, rng()))) % 100 != np.arange(6)
    assert (moved.mean(0) > 0.1).all()


@settings(max_examples=60)
@given(lengths)
def test_random_view_keeps_the_order_of_the_sequences(counts: list[int]) -> None:
    whole = numbered(counts)
    views = as_lists(random_view(whole, (0.6, 0.3, 0.6), hidden=HIDDEN, rng=rng()))
    assert len(views) == len(counts)
    for number, view in enumerate(views):
        assert view
        assert all(item // 100 == number for item in view if item != HIDDEN)


def test_random_view_uses_all_three() -> None:
    whole = numbered([10] * 300)
    views = as_lists(random_view(whole, (0.6, 0.3, 0.6), hidden=HIDDEN, rng=rng()))
    cropped = sum(len(view) < 10 for view in views)
    masked = sum(HIDDEN in view for view in views)
    assert 70 < cropped < 130
    assert 70 < masked < 130
    assert 70 < 300 - cropped - masked < 130
