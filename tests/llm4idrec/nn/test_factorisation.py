import numpy as np
import pytest

from llm4idrec.data.interactions import Interactions
from llm4idrec.nn.factorisation import factorise, singular_vectors


def test_shapes_scale_and_the_same_answer_twice(blocks: Interactions) -> None:
    users, items = factorise(blocks, 4, 0.1)
    assert users.shape == (blocks.n_users, 4)
    assert items.shape == (blocks.n_items, 4)
    assert np.sqrt((items**2).mean()) == pytest.approx(0.1)
    assert np.array_equal(items, factorise(blocks, 4, 0.1)[1])


def test_vectors_tell_the_two_kinds_apart(blocks: Interactions) -> None:
    users, items = factorise(blocks, 2, 1.0)
    scores = users[:-1] @ items.T
    for user, row in enumerate(scores):
        assert row[user % 2 :: 2].min() > row[1 - user % 2 :: 2].max()


def test_a_small_matrix_leaves_columns_empty() -> None:
    train = Interactions(np.array([0, 1]), np.array([0, 1]), 2, 3)
    _, items = factorise(train, 8, 0.1)
    assert items.shape == (3, 8)
    assert not items[:, 2:].any()


def test_singular_vectors_are_those_of_the_matrix_over_powers_of_its_counts(
    blocks: Interactions,
) -> None:
    rank = min(blocks.n_users, blocks.n_items)
    users, items = np.maximum(blocks.history_lengths, 1), np.maximum(blocks.item_counts, 1)
    matrix = np.zeros((blocks.n_users, blocks.n_items))
    matrix[blocks.user, blocks.item] = 1
    matrix /= users[:, None] ** 0.25 * items**0.25
    left, singular, right = singular_vectors(blocks, rank + 3, normalisation=0.25)
    np.testing.assert_allclose(left * singular @ right.T, matrix, atol=1e-12)
    expected = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(singular, expected, atol=1e-12)
    two = singular_vectors(blocks, 2, normalisation=0.25)[1]
    np.testing.assert_allclose(two, expected[:2], rtol=1e-6)
