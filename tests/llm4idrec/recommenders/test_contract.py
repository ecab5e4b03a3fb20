"""What every recommender promises, whatever is inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.own.recommender import OwnRecommender
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.training import Trained
from llm4idrec.recommenders.validation import Validation
from tests.llm4idrec.own.recommenders import COSINES, EASES, SVDS, TOGETHER

USERS, ITEMS = 40, 30
SEQUENTIAL = {
    "embedding_size": 16,
    "learning_rate": 0.01,
    "batch_size": 20,
    "max_epochs": 40,
    "max_length": 16,
    "layers": 1,
    "dropout": 0.4,
    "evaluate_every": 5,
}
GENERATIVE = {
    "embedding_size": 16,
    "learning_rate": 0.02,
    "batch_size": 20,
    "max_epochs": 40,
    "evaluate_every": 2,
    "layers": 1,
    "heads": 2,
    "dropout": 0.0,
    "beams": 5,
}
SMALL: dict[str, dict[str, Any]] = {
    "p5": GENERATIVE | {"straightforward": 0.0},
    "cid": GENERATIVE | {"clusters": 2, "leaf_size": 8},
    "popularity": {},
    "itemknn": {"neighbours": 5},
    "ease": {"l2": 10},
    "svd": {"embedding_size": 4},
    "ials": {"embedding_size": 4, "regularization": 1, "alpha": 5},
    "mf": {"learning_rate": 0.03, "l2": 0.1, "batch_size": 64, "max_epochs": 40},
    "lightgcn": {"learning_rate": 0.1, "layers": 1, "batch_size": 64, "max_epochs": 40},
    "simgcl": {"learning_rate": 0.03, "contrast": 0.005, "batch_size": 64, "max_epochs": 40},
    "xsimgcl": {"learning_rate": 0.03, "contrast": 0.005, "batch_size": 64, "max_epochs": 40},
    "ncl": {"learning_rate": 0.1, "layers": 2, "batch_size": 64, "max_epochs": 40, "warm_up": 1},
    "sasrec": SEQUENTIAL,
    "bert4rec": SEQUENTIAL | {"dropout": 0.1},
    "cl4srec": SEQUENTIAL,
    "lm": {
        "embedding_size": 16,
        "heads": 2,
        "layers": 1,
        "batch_size": 128,
        "max_epochs": 10,  # with twice as many it knows these few lists by heart
        "learning_rate": 0.01,
    },
}
"""Settings with which each registered recommender learns the two blocks in a second."""
OWN = {
    "a program": COSINES,
    "awk": TOGETHER,
    "scores": EASES,
    "vectors": SVDS,
}
"""Sections of the user's own."""
KINDS: dict[str, type[Recommender]] = RECOMMENDERS | dict.fromkeys(OWN, OwnRecommender)

TRAINED = [name for name, kind in RECOMMENDERS.items() if issubclass(kind, Trained)]
CONTINUE_SEEN = {"sasrec", "bert4rec", "cl4srec", "lm", "p5", "cid"}
"""Rank by the history in `seen`; the others by the one they were fitted on."""
PERSONAL = [name for name in KINDS if name != "popularity"]
EVERYONE = np.arange(USERS, dtype=np.int32)


@pytest.fixture(params=sorted(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def untrained(name: str, seed: int = 0, **changes: Any) -> Recommender:
    kind = KINDS[name]
    return kind(kind.settings_type(**{**(SMALL | OWN)[name], **changes}), seed)


SEEDED = [name for name in KINDS if untrained(name).settings.is_seeded]


def two_blocks(share: float = 0.4, seed: int = 0) -> Interactions:
    """The first half of the users takes from the first half of the items, the others the rest."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    own = (user < USERS // 2) == (item < ITEMS // 2)
    taken = own & (rng.random(len(user)) < share)
    return in_time(user[taken], item[taken], seed)


def in_time(user: Any, item: Any, seed: int = 0, n_items: int = ITEMS) -> Interactions:
    """Pairs at random times."""
    time = np.random.default_rng(seed).permutation(len(user))
    return Interactions(user, item, USERS, n_items, time)


def validation(train: Interactions) -> Validation:
    held = two_blocks(seed=1)
    fresh = ~train.contains(held.user, held.item)
    heldout = Interactions(held.user[fresh], held.item[fresh], USERS, ITEMS)
    return Validation(heldout, train, (5,), "ndcg_at_5")


def fitted(name: str, train: Interactions, seed: int = 0, epochs: int | None = 3) -> Recommender:
    recommender = untrained(name, seed)
    recommender.fit(train, epochs=epochs)
    return recommender


def own_block(items: IntArray, users: IntArray = EVERYONE) -> float:
    """Share of recommended items that lie in their user's block."""
    return float(((items < ITEMS // 2) == (users[:, None] < USERS // 2)).mean())


def test_every_recommender_is_tested() -> None:
    assert set(SMALL) == set(RECOMMENDERS) == set(SETTINGS)


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_settings_types(name: str) -> None:
    assert RECOMMENDERS[name].settings_type is SETTINGS[name]


def test_shape_dtype_and_range(name: str) -> None:
    users = np.array([7, 3, 3, 39], np.int32)

    items = fitted(name, two_blocks()).recommend(users, 5, two_blocks())

    assert items.shape == (4, 5)
    assert items.dtype == np.int32
    assert ((items >= 0) & (items < ITEMS)).all()
    assert all(len(set(row)) == 5 for row in items.tolist())
    assert (items[1] == items[2]).all()


def test_seen_items_are_left_out(name: str) -> None:
    train = two_blocks()
    items = fitted(name, train).recommend(EVERYONE, 10, train)
    assert not train.contains(EVERYONE[:, None], items).any()


@pytest.mark.parametrize("name", [n for n in PERSONAL if n not in CONTINUE_SEEN])
def test_only_seen_decides_what_is_left_out(name: str) -> None:
    """Not what was trained on: a generated pair may be recommended."""
    train = two_blocks()
    nothing = Interactions(np.array([]), np.array([]), USERS, ITEMS)
    items = fitted(name, train, epochs=None).recommend(EVERYONE, 5, nothing)
    assert train.contains(EVERYONE[:, None], items).mean() > 0.5


@pytest.mark.parametrize("name", [n for n in RECOMMENDERS if n in CONTINUE_SEEN])
def test_seen_is_the_history_that_is_continued(name: str) -> None:
    """Not the one trained on: users who swap their histories swap what they are recommended."""
    train = two_blocks()
    swapped = in_time((train.user + USERS // 2) % USERS, train.item)
    items = fitted(name, train, epochs=None).recommend(EVERYONE, 5, swapped)
    assert own_block(items) < 0.2


@pytest.mark.parametrize("name", [n for n in RECOMMENDERS if n in CONTINUE_SEEN])
def test_a_history_of_its_own_is_continued_and_not_left_out(name: str) -> None:
    """It decides what comes next, also where nothing is seen; what of it is not in `seen` may be
    recommended."""
    train = two_blocks()
    swapped = in_time((train.user + USERS // 2) % USERS, train.item)
    recommender = fitted(name, train, epochs=None)
    nothing = Interactions(np.array([]), np.array([]), USERS, ITEMS, np.array([]))
    items = recommender.recommend(EVERYONE, 10, nothing, history=swapped)
    assert own_block(items) < 0.2
    assert swapped.contains(EVERYONE[:, None], items).any()
    left = recommender.recommend(EVERYONE, 10, swapped, history=nothing)
    assert not swapped.contains(EVERYONE[:, None], left).any()


@pytest.mark.parametrize("name", [n for n in PERSONAL if n not in CONTINUE_SEEN])
def test_others_go_by_what_they_were_fitted_on(name: str) -> None:
    train = two_blocks()
    swapped = in_time((train.user + USERS // 2) % USERS, train.item)
    recommender = fitted(name, train)
    asked = recommender.recommend(EVERYONE, 5, train, history=swapped)
    assert (asked == recommender.recommend(EVERYONE, 5, train)).all()


def test_seen_may_know_more_items(name: str) -> None:
    train = two_blocks()
    recommender = fitted(name, train)
    assert train.timestamp is not None
    later = np.append(train.timestamp, len(train))
    larger = Interactions(
        np.append(train.user, 0), np.append(train.item, ITEMS + 2), USERS, ITEMS + 3, later
    )
    assert (
        recommender.recommend(EVERYONE, 5, larger) == recommender.recommend(EVERYONE, 5, train)
    ).all()


def test_places_stay_empty_where_no_item_is_left(name: str) -> None:
    train = two_blocks()
    for k in (ITEMS, ITEMS + 4):
        items = fitted(name, train).recommend(EVERYONE, k, train)
        left = ITEMS - train.history_lengths
        assert ((items >= 0) == (np.arange(k) < left[:, None])).all()
        assert all(
            sorted([*row[row >= 0], *train.items_of(user)]) == list(range(ITEMS))
            for user, row in enumerate(items)
        )


def test_no_users(name: str) -> None:
    train = two_blocks()
    assert fitted(name, train).recommend(EVERYONE[:0], 5, train).shape == (0, 5)


def test_user_without_history_gets_items(name: str) -> None:
    train = two_blocks()
    others = train.user != 5
    without = in_time(train.user[others], train.item[others])
    items = fitted(name, without).recommend(np.array([5], np.int32), 8, without)
    assert len(set(items[0].tolist())) == 8
    assert (items >= 0).all()


def test_user_with_the_whole_catalogue(name: str) -> None:
    """Has nothing to be compared with, and nothing left to be recommended."""
    blocks = two_blocks()
    rest = np.setdiff1d(np.arange(ITEMS), blocks.items_of(0))
    train = in_time(np.append(blocks.user, 0 * rest), np.append(blocks.item, rest))
    items = fitted(name, train).recommend(np.array([0, 1], np.int32), 3, train)
    assert (items[0] == -1).all()
    assert (items[1] >= 0).all()


def test_same_seed_same_bits(name: str) -> None:
    one, two = (fitted(name, two_blocks(), seed=4).state() for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_fit_starts_from_scratch(name: str) -> None:
    recommender = fitted(name, two_blocks(seed=9))
    recommender.fit(two_blocks(), epochs=3)
    expected = fitted(name, two_blocks()).state()
    assert all(torch.equal(part, expected[key]) for key, part in recommender.state().items())


@pytest.mark.parametrize("name", SEEDED)
def test_other_seed_other_bits(name: str) -> None:
    one, two = (fitted(name, two_blocks(), seed=seed).state() for seed in (4, 5))
    assert not all(torch.equal(one[key], two[key]) for key in one)


def test_global_random_state_is_left_alone(name: str) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fitted(name, two_blocks())
    assert torch.equal(torch.rand(1), expected)


def test_save_and_load(name: str, tmp_path: Path) -> None:
    train = two_blocks()
    recommender = fitted(name, train, seed=6)
    recommender.save(tmp_path / "model")

    loaded = KINDS[name].load(tmp_path / "model")

    assert loaded.settings == recommender.settings
    assert loaded.seed == 6
    expected: IntArray = recommender.recommend(EVERYONE, 10, train)
    assert (loaded.recommend(EVERYONE, 10, train) == expected).all()


def test_load_of_something_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a saved"):
        KINDS[name].load(tmp_path)


@pytest.mark.parametrize("name", PERSONAL)
def test_learns_two_blocks(name: str) -> None:
    train = two_blocks()
    assert own_block(fitted(name, train, epochs=None).recommend(EVERYONE, 5, train)) > 0.95


@pytest.mark.parametrize("name", TRAINED)
def test_training_lowers_the_loss(name: str) -> None:
    records = untrained(name).fit(two_blocks()).records
    assert records[-1].loss < 0.8 * records[0].loss


@pytest.mark.parametrize("name", TRAINED)
def test_returns_to_the_best_epoch(name: str) -> None:
    train = two_blocks()
    watched = validation(train)
    recommender = untrained(name, evaluate_every=2, patience=3)
    assert isinstance(recommender, Trained)

    training = recommender.fit(train, watched)

    scores = [record.scores["ndcg_at_5"] for record in training.records]
    epochs = [record.epoch for record in training.records]
    assert epochs == list(range(2, 2 * len(epochs) + 1, 2))
    best = int(np.argmax(scores))
    assert training.best_epoch == epochs[best]
    assert len(scores) == min(best + 3 + 1, recommender.settings.max_epochs // 2)
    assert watched.scores(recommender) == training.scores == training.records[best].scores


@pytest.mark.parametrize("name", TRAINED)
def test_epochs_without_validation(name: str) -> None:
    """Training for the best epoch's number again, unwatched, gives the best epoch's state."""
    train = two_blocks()
    one = untrained(name, evaluate_every=2, patience=2)
    best = one.fit(train, validation(train)).best_epoch
    two = untrained(name, evaluate_every=2, patience=2)
    training = two.fit(train, epochs=best)
    assert training.best_epoch == best
    assert training.scores == {}
    assert all(torch.equal(part, one.state()[key]) for key, part in two.state().items())


@pytest.mark.parametrize("name", TRAINED)
def test_divergence_is_an_error(name: str) -> None:
    with pytest.raises(DivergenceError, match="learning_rate"):
        untrained(name, learning_rate=1e30).fit(two_blocks())


@pytest.mark.parametrize("name", TRAINED)
def test_weights_that_the_last_batch_spoils_are_not_taken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = untrained(name, max_epochs=1)
    assert isinstance(recommender, Trained)
    real = recommender.train_epoch

    def spoiled() -> float:
        loss = real()
        state = {key: part * torch.nan for key, part in recommender.state().items()}
        monkeypatch.setattr(recommender, "state", lambda: state)
        return loss

    monkeypatch.setattr(recommender, "train_epoch", spoiled)
    with pytest.raises(DivergenceError, match="weights are not finite after epoch 1"):
        recommender.fit(two_blocks())
