import numpy as np
import pytest

from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.factorisation import factorise


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
