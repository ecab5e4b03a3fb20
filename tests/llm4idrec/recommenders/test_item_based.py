"""Popularity, ItemKNN and EASE against dense formulas, and what they refuse."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pytest
import torch

from llm4idrec.config.recommenders import EASEConfig, ItemKNNConfig, PopularityConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.recommenders.item_based import itemknn
from llm4idrec.recommenders.item_based.ease import EASE, item_weights
from llm4idrec.recommenders.item_based.history import history_matrix
from llm4idrec.recommenders.item_based.itemknn import ItemKNN, similar_items
from llm4idrec.recommenders.item_based.popularity import Popularity
from tests.llm4idrec.arrays import interactions

Matrix = npt.NDArray[np.float64]
USERS, ITEMS = 30, 12


def some(seed: int = 0) -> Interactions:
    """Random pairs; user 0 and item 0 have none."""
    taken = np.random.default_rng(seed).random((USERS, ITEMS)) < 0.3
    taken[0] = taken[:, 0] = False
    user, item = np.nonzero(taken)
    return interactions(user, item, (USERS, ITEMS))


def dense(train: Interactions) -> Matrix:
    matrix = np.zeros((USERS, ITEMS))
    matrix[train.user, train.item] = 1
    return matrix


def unseen_by_score(scores: Matrix, train: Interactions, k: int = 3) -> npt.NDArray[np.intp]:
    return np.argsort(np.where(dense(train) > 0, -np.inf, -0 + scores), axis=1)[:, ::-1][:, :k]


def test_popularity_counts_users() -> None:
    train = interactions([0, 1, 2, 0, 1, 2], [2, 2, 2, 1, 1, 0], (4, 4))
    model = Popularity(PopularityConfig())
    model.fit(train)
    nothing = interactions(train.user[:0], train.item[:0], (4, 4))
    assert model.recommend(np.array([3, 0], np.int32), 4, nothing).tolist() == [[2, 1, 0, 3]] * 2
    assert model.recommend(np.array([2], np.int32), 2, train).tolist() == [[1, 3]]


def cosines(train: Interactions, shrinkage: float) -> Matrix:
    """Between the columns of the matrix whose rows have length 1, one pair at a time."""
    matrix = dense(train)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1), 1e-9)[:, None]
    similarity = np.zeros((ITEMS, ITEMS))
    for i in range(ITEMS):
        for j in range(ITEMS):
            u, v = matrix[:, i], matrix[:, j]
            if i != j and u @ v > 0:
                similarity[i, j] = u @ v / (np.linalg.norm(u) * np.linalg.norm(v) + shrinkage)
    return similarity


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_similar_items_are_the_largest_cosines(shrinkage: float) -> None:
    expected = cosines(some(), shrinkage)
    for neighbours in (1, 4, 99):
        kept = np.sort(expected, axis=1)[:, ::-1][:, : min(neighbours, ITEMS)][:, -1:]
        similar = similar_items(history_matrix(some()), neighbours, shrinkage).toarray()
        np.testing.assert_allclose(similar, np.where(expected >= kept, expected, 0), rtol=1e-5)


def test_similar_items_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = similar_items(history_matrix(some()), 3, 0.1).toarray()
    monkeypatch.setattr(itemknn, "_SIMILARITIES_A_CHUNK", 5 * ITEMS)
    assert (similar_items(history_matrix(some()), 3, 0.1).toarray() == whole).all()


def test_itemknn_sums_similarities_to_the_history() -> None:
    train = some()
    model = ItemKNN(ItemKNNConfig(neighbours=4, shrinkage=0.2))
    model.fit(train)
    similar = similar_items(history_matrix(train), 4, 0.2).toarray()
    scores = dense(train) @ similar.T
    best = model.recommend(np.arange(USERS, dtype=np.int32), 3, train)
    for user in np.flatnonzero((scores > 0).sum(1) > 8):
        expected = unseen_by_score(scores, train)[user]
        np.testing.assert_allclose(scores[user, best[user]], scores[user, expected], rtol=1e-5)


def test_itemknn_falls_back_on_popularity() -> None:
    """Items 0 and 1 are taken together, the others alone; item k has 2, 3, 1, 4, 5 users."""
    item = np.array([0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4])
    user = np.array([0, 1, 0, 1, 2, *range(3, 13)])
    train = interactions(user, item, (14, 5))
    model = ItemKNN(ItemKNNConfig())
    model.fit(train)
    alone, without = np.array([3], np.int32), np.array([13], np.int32)
    assert model.recommend(alone, 5, train).tolist() == [[4, 3, 1, 0, -1]]
    assert model.recommend(without, 5, train).tolist() == [[4, 3, 1, 0, 2]]
    more = train.union(without, [0])
    model.fit(more)
    assert model.recommend(without, 4, more).tolist() == [[1, 4, 3, 2]]


@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_ease_solves_its_least_squares(l2: float) -> None:
    """Column j is the ridge regression of item j on all other items (Steck 2019, eq. 2)."""
    matrix = dense(some())
    weights = item_weights(torch.from_numpy(matrix.T @ matrix).float(), l2).numpy()
    for j in range(ITEMS):
        others = np.arange(ITEMS) != j
        part = matrix[:, others]
        expected = np.linalg.solve(part.T @ part + l2 * np.eye(ITEMS - 1), part.T @ matrix[:, j])
        np.testing.assert_allclose(weights[others, j], expected, atol=1e-5)
        assert weights[j, j] == 0


def test_ease_sums_weights_of_the_history() -> None:
    train = some()
    model = EASE(EASEConfig(l2=5))
    model.fit(train)
    scores = dense(train) @ model.state()["weights"].numpy()
    users = np.array([4, 1, 9], np.int32)
    assert (model.recommend(users, 3, train) == unseen_by_score(scores, train)[users]).all()


def test_ease_says_that_l2_is_too_small() -> None:
    same = np.ones((5, 5))
    user, item = np.nonzero(same)
    pairs = interactions(user, item, (5, 5))
    with pytest.raises(InputError, match=r"ease\.l2 is 1e-30, too small to solve; raise it"):
        EASE(EASEConfig(l2=1e-30)).fit(pairs)


def test_ease_says_what_memory_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 1000}.__getitem__)
    with pytest.raises(
        InputError,
        match=r"EASE needs 0\.0 GB for 12 items; expected at most.*`controls`.*filter\.agreement",
    ):
        EASE(EASEConfig()).fit(some())


def test_the_history_is_saved_once() -> None:
    train = some()
    for model in (ItemKNN(ItemKNNConfig()), EASE(EASEConfig())):
        model.fit(train)
        sizes = [tuple(part.shape) for part in model.state().values()]
        assert sizes.count((len(train),)) == 1
