"""Negative samples are exact and uniform, and an epoch holds every pair once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.negatives import TripleSampler, UnseenSampler
from tests.llm4idrec.arrays import interactions

pairs = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1)


def of_pairs(taken: set[tuple[int, int]]) -> Interactions:
    user, item = np.array(sorted(taken)).T
    return interactions(user, item, (4, 6))


@given(pairs)
def test_every_unseen_item_can_be_drawn_and_no_other(taken: set[tuple[int, int]]) -> None:
    train = of_pairs(taken)
    sampler = UnseenSampler(train)
    users = np.flatnonzero(sampler.unseen)
    drawn = sampler.draw(np.repeat(users, 300), np.random.default_rng(0)).reshape(-1, 300)
    for user, items in zip(users.tolist(), drawn, strict=True):
        assert set(items.tolist()) == set(range(6)) - set(train.items_of(user).tolist())


def test_uniform() -> None:
    sampler = UnseenSampler(interactions([0, 0, 1], [1, 4, 0], (2, 6)))
    drawn = sampler.draw(np.zeros(40_000, np.int64), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=6)
    assert counts[[1, 4]].sum() == 0
    assert np.abs(counts[[0, 2, 3, 5]] / 10_000 - 1).max() < 0.05


def test_time_order_does_not_matter() -> None:
    """Histories sorted by time are not sorted by item."""
    train = interactions([0, 0, 0], [0, 2, 4], (1, 6), timestamp=[3, 2, 1])
    drawn = UnseenSampler(train).draw(np.zeros(200, np.int64), np.random.default_rng(0))
    assert set(drawn.tolist()) == {1, 3, 5}


@given(pairs, st.integers(1, 3), st.integers(1, 5))
def test_epoch(taken: set[tuple[int, int]], negatives: int, batch_size: int) -> None:
    train = of_pairs(taken)
    sampler = TripleSampler(train, negatives)
    for seed in range(2):
        batches = list(sampler.epoch(np.random.default_rng(seed), batch_size))
        sizes = [len(users) for users, _ in batches]
        assert sizes[:-1] == [batch_size] * (len(batches) - 1)
        assert all((np.diff(users) >= 0).all() for users, _ in batches)
        users = np.concatenate([users for users, _ in batches] or [np.empty(0, np.int64)])
        items = np.concatenate(
            [items for _, items in batches] or [np.empty((0, 1 + negatives), np.int32)]
        )
        full = train.history_lengths == 6
        pairs = sorted(zip(users, items[:, 0], strict=True))
        assert pairs == sorted(p for p in taken if not full[p[0]])
        assert items.shape == (len(sampler), 1 + negatives)
        assert not train.contains(np.repeat(users[:, None], negatives, 1), items[:, 1:]).any()
