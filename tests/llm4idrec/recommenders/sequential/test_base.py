"""What the sequential recommenders learn, and from what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.sequential.base import Sequential
from llm4idrec.recommenders.sequential.bert4rec import hide
from llm4idrec.recommenders.sequential.sequences import Sequences
from tests.llm4idrec.arrays import interactions

USERS, ITEMS = 60, 12
SMALL = {
    "embedding_size": 16,
    "learning_rate": 0.02,
    "batch_size": 20,
    "max_epochs": 60,
    "max_length": 10,
    "layers": 1,
    "dropout": 0.0,
}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("sasrec", {}),
    ("sasrec", {"loss": "bce"}),
    ("cl4srec", {}),
    ("bert4rec", {"masked": 0.2}),
]


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(map(str, (kind[0], *kind[1].values()))))
def untrained(request: pytest.FixtureRequest) -> Sequential:
    name, changes = request.param
    return new(name, changes)


def new(name: str, changes: dict[str, Any]) -> Sequential:
    kind = RECOMMENDERS[name]
    assert issubclass(kind, Sequential)
    return kind(kind.settings_type(**SMALL, **changes))


def cycle() -> Interactions:
    """Everyone takes 3 to 8 items one after the other, from anywhere; after the last comes 0."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(USERS), rng.integers(3, 9, USERS))
    place = np.arange(len(user)) - np.searchsorted(user, user)
    return interactions(
        user, (rng.integers(0, ITEMS, USERS)[user] + place) % ITEMS, (USERS, ITEMS), timestamp=place
    )


def test_learns_what_comes_next(untrained: Sequential) -> None:
    train = cycle()
    everyone = np.arange(USERS, dtype=np.int32)
    last = np.array([train.items_of(user)[-1] for user in range(USERS)])

    untrained.fit(train)

    first = untrained.recommend(everyone, 1, train)[:, 0]
    assert (first == (last + 1) % ITEMS).mean() > 0.9  # popularity would be right for 1 in 12


@pytest.mark.slow
def test_learns_what_is_early_in_a_long_history(untrained: Sequential) -> None:
    """Everyone begins with one of three pairs; `max_length` items and more follow."""
    rng, pairs, others = np.random.default_rng(3), 3, 20
    first = 2 * (np.arange(USERS)[:, None] % pairs)
    rest = [2 * pairs + rng.permutation(others) for _ in range(USERS)]
    lists = np.hstack([first, first + 1, rest])
    owner, place = np.divmod(np.arange(lists.size), lists.shape[1])
    size = (USERS, 2 * pairs + others)
    untrained.fit(interactions(owner, lists.ravel(), size, timestamp=place), epochs=120)

    asked = np.arange(pairs, dtype=np.int32)
    begun = interactions(asked, 2 * asked, (pairs, size[1]), timestamp=0 * asked)
    found = untrained.recommend(asked, 1, begun)[:, 0]
    assert found.tolist() == (2 * asked + 1).tolist()


def test_goes_by_the_latest_items_of_seen(untrained: Sequential) -> None:
    """Not by the user, and not by what is older than `max_length`."""
    untrained.fit(cycle(), epochs=3)
    users = np.array([0, 1, 2], np.int32)
    old = np.random.default_rng(1).permutation(ITEMS)
    lists = np.array([[*old[:2], *old[2:]], [*old[1::-1], *old[2:]], [*old[:2], *old[:1:-1]]])
    seen = interactions(
        np.repeat(users, ITEMS), lists.flatten(), (3, ITEMS), timestamp=np.tile(np.arange(ITEMS), 3)
    )
    one, other_old_items, other_order = untrained.encode(untrained.continued(seen, users))
    assert torch.equal(one, other_old_items)
    assert not torch.isclose(one, other_order).all()


def test_the_order_of_users_and_chunks_changes_nothing(untrained: Sequential) -> None:
    train = cycle()
    untrained.fit(train, epochs=2)
    users = np.random.default_rng(2).permutation(USERS).astype(np.int32)
    whole = untrained.recommend(users, 4, train)
    for row, user in enumerate(users[:5]):
        assert untrained.recommend(np.array([user]), 4, train).tolist() == [whole[row].tolist()]


def test_no_time_is_an_error(untrained: Sequential) -> None:
    train = cycle()
    timeless = interactions(train.user, train.item, (USERS, ITEMS))
    with pytest.raises(InputError, match="the interactions have no time"):
        untrained.fit(timeless)


def test_nothing_to_learn_from(untrained: Sequential) -> None:
    """Single items have no next one: no step is taken, and ranking still works."""
    user = np.arange(USERS)
    train = interactions(user, user % ITEMS, (USERS, ITEMS), timestamp=user)
    untrained.fit(train, epochs=2)
    assert (untrained.recommend(user.astype(np.int32), 3, train) >= 0).all()


def test_hide_hides_a_share_and_one_at_least() -> None:
    lengths = np.tile([1, 2, 10], 500)
    whole = Sequences(np.zeros(lengths.sum(), np.int64), lengths)
    hidden = hide(whole, 0.3, last_only=0.0, rng=np.random.default_rng(0))
    count = np.bincount(whole.owner, hidden)
    assert count.min() == 1
    assert hidden[lengths[whole.owner] == 10].mean() == pytest.approx(0.3, abs=0.03)


def test_hide_may_hide_the_last_alone() -> None:
    lengths = np.full(900, 10)
    whole = Sequences(np.zeros(lengths.sum(), np.int64), lengths)
    hidden = hide(whole, 0.5, last_only=0.4, rng=np.random.default_rng(0)).reshape(900, 10)
    alone = hidden[:, -1] & (hidden.sum(1) == 1)
    assert alone.mean() == pytest.approx(0.4, abs=0.05)
    assert (
        hide(whole, 0.5, last_only=1.0, rng=np.random.default_rng(0)).reshape(900, 10).sum(0)[:-1]
        == 0
    ).all()
