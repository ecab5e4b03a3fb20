"""iALS against dense least squares, and how it is fitted."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from llm4idrec.config.recommenders import IALSConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.recommenders.graph import ials
from llm4idrec.recommenders.graph.ials import IALS
from llm4idrec.runtime.threads import fixed_threads
from tests.llm4idrec.arrays import interactions

Matrix = npt.NDArray[np.float64]
USERS, ITEMS = 30, 12
SETTINGS = IALSConfig(embedding_size=3, regularization=1, alpha=4, iterations=200)


def some(users: int = USERS, items: int = ITEMS) -> Interactions:
    """Random pairs; user 0 and item 0 have none."""
    taken = np.random.default_rng(0).random((users, items)) < 0.3
    taken[0] = taken[:, 0] = False
    user, item = np.nonzero(taken)
    return interactions(user, item, (users, items))


def taken_and_weights(train: Interactions, alpha: float) -> tuple[Matrix, Matrix]:
    """1 and `alpha` at the pairs, 0 and 1 elsewhere."""
    taken = np.zeros((train.n_users, train.n_items))
    taken[train.user, train.item] = 1
    return taken, np.where(taken > 0, alpha, 1.0)


def solved(taken: Matrix, weights: Matrix, vectors: Matrix, regularization: float) -> Matrix:
    """The vector of each row that is best with those `vectors` of the columns (Hu, eq. 4)."""
    penalty = regularization * np.eye(vectors.shape[1])
    return np.stack(
        [
            np.linalg.solve(vectors.T @ (w[:, None] * vectors) + penalty, vectors.T @ (w * t))
            for t, w in zip(taken, weights, strict=True)
        ]
    )


def by_hand(train: Interactions, settings: IALSConfig) -> tuple[Matrix, Matrix]:
    """Vectors of users and items by exact least squares in turn, from another start."""
    taken, weights = taken_and_weights(train, settings.alpha)
    items = np.random.default_rng(1).normal(size=(train.n_items, settings.embedding_size))
    for _ in range(settings.iterations):
        users = solved(taken, weights, items, settings.regularization)
        items = solved(taken.T, weights.T, users, settings.regularization)
    return users, items


def loss(train: Interactions, users: Matrix, items: Matrix, settings: IALSConfig) -> float:
    """What iALS minimises (Hu, eq. 3), over the sum of all weights."""
    taken, weights = taken_and_weights(train, settings.alpha)
    penalty = settings.regularization * ((users**2).sum() + (items**2).sum())
    errors = weights * (taken - users @ items.T) ** 2
    return float((errors.sum() + penalty) / weights.sum())


def fitted(settings: IALSConfig, train: Interactions, seed: int = 0) -> IALS:
    model = IALS(settings, seed)
    model.fit(train)
    return model


def vectors_of(model: IALS) -> tuple[Matrix, Matrix]:
    users, items = (vectors.numpy().astype(np.float64) for vectors in model.vectors)
    return users, items


@pytest.mark.parametrize("alpha", [4.0, 1.0, 0.5])
def test_it_ends_where_exact_least_squares_end(alpha: float) -> None:
    train, settings = some(), SETTINGS.model_copy(update={"alpha": alpha})
    users, items = by_hand(train, settings)
    own_users, own_items = vectors_of(fitted(settings, train))

    least = loss(train, users, items, settings)

    assert loss(train, own_users, own_items, settings) == pytest.approx(least, rel=1e-5)
    np.testing.assert_allclose(own_users @ own_items.T, users @ items.T, atol=2e-3)


def test_the_vectors_solve_their_own_least_squares() -> None:
    """Each of the items', which are solved for last, given the users'."""
    train = some()
    users, items = vectors_of(fitted(SETTINGS, train))
    taken, weights = taken_and_weights(train, SETTINGS.alpha)
    expected = solved(taken.T, weights.T, users, SETTINGS.regularization)
    np.testing.assert_allclose(items, expected, atol=1e-4)


def test_the_loss_it_reports_is_that_of_its_vectors_and_falls() -> None:
    train = some()
    losses = []
    for iterations in (1, 2, 5, 50):
        settings = SETTINGS.model_copy(update={"iterations": iterations})
        model = IALS(settings)
        training = model.fit(train)
        assert training.best_epoch == training.records[-1].epoch == iterations
        losses.append(training.records[-1].loss)
        expected = loss(train, *vectors_of(model), settings)
        assert losses[-1] == pytest.approx(expected, rel=1e-4)
    assert losses == sorted(losses, reverse=True)


def test_epochs_are_iterations() -> None:
    train = some()
    three = IALS(SETTINGS)
    assert three.fit(train, epochs=3).best_epoch == 3
    same = fitted(SETTINGS.model_copy(update={"iterations": 3}), train)
    assert all(map(torch.equal, three.vectors, same.vectors))


def test_who_has_no_history_and_what_nobody_took_have_no_vector() -> None:
    train = some()
    users, items = fitted(SETTINGS, train).vectors
    assert (users.any(dim=1).numpy() == (train.history_lengths > 0)).all()
    assert (items.any(dim=1).numpy() == (train.item_counts > 0)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 5)])
def test_a_single_pair(shape: tuple[int, int]) -> None:
    train = Interactions(np.array([0]), np.array([0]), *shape)
    model = fitted(SETTINGS, train)
    ranked = model.recommend(np.arange(shape[0], dtype=np.int32), shape[1], train)
    assert (ranked[0] == 0).sum() == 0
    assert sorted(set(ranked[0].tolist()) - {-1}) == list(range(1, shape[1]))


def test_no_pairs_at_all() -> None:
    nothing = np.array([], np.int32)
    train = Interactions(nothing, nothing, 4, 5)
    ranked = fitted(SETTINGS, train).recommend(np.array([2], np.int32), 5, train)
    assert sorted(ranked[0].tolist()) == list(range(5))


def test_the_threads_around_it_do_not_shape_a_bit() -> None:
    train = some(500, 400)
    settings = IALSConfig(embedding_size=64, regularization=1, alpha=5, iterations=3)
    fits = []
    for threads in (1, 2):
        with fixed_threads(threads):
            fits.append(fitted(settings, train).vectors)
    assert all(map(torch.equal, *fits))


def test_it_says_nothing(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither progress nor the library's advice on threads; warnings are errors in tests."""
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)  # which gives it once
    caplog.set_level(logging.INFO)
    with fixed_threads(2):
        fitted(SETTINGS, some())
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


@pytest.mark.parametrize(("key", "value"), [("alpha", 1e39), ("regularization", 1e39)])
def test_what_float32_cannot_hold_is_an_error(key: str, value: float) -> None:
    settings = SETTINGS.model_copy(update={key: value})
    with pytest.raises(DivergenceError, match=rf"not finite; another .*{key} than 1e\+39"):
        fitted(settings, some())


def test_it_says_what_memory_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ials, "machine_bytes", lambda: 1000)
    sentence = r"iALS needs 0\.0 GB for 30 users and 12 items; expected at most.*embedding_size"
    with pytest.raises(InputError, match=sentence):
        fitted(SETTINGS, some())


def test_a_loaded_one_has_the_same_vectors(tmp_path: Path) -> None:
    model = fitted(SETTINGS, some(), seed=5)
    model.save(tmp_path / "model")
    loaded = IALS.load(tmp_path / "model")
    assert all(map(torch.equal, loaded.vectors, model.vectors))
    loaded.fit(some())
    assert all(map(torch.equal, loaded.vectors, model.vectors))
