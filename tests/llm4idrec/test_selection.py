"""The amount is chosen by more than the larger mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.selection import choose_amount, standard_error


def test_standard_error_known_answer() -> None:
    """Users' means 1, 3, 5 (variance 4), seeds' means 2, 4 (variance 2)."""
    differences = np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]])
    assert standard_error(differences) == pytest.approx(np.sqrt(4 / 3 + 2 / 2))


def test_one_seed() -> None:
    assert standard_error(np.array([[1.0, 2.0, 3.0]])) == pytest.approx(np.sqrt(1 / 3))


def test_a_clear_gain_is_taken() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((2, 500))
    assert choose_amount({0.5: base - 0.1, 0.0: base, 0.1: base + 0.05}) == 0.1


def test_of_gains_that_do_not_differ_the_smallest_amount_is_taken() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((2, 500))
    noise = 0.2 * rng.standard_normal((2, 500))
    values = {0.0: base, 0.1: base + 0.1, 0.25: base + 0.1005 + noise - noise.mean()}
    assert choose_amount(values) == 0.1


def test_noise_on_few_hits_chooses_zero() -> None:
    """Of two amounts that are alike one is better by chance, mostly within the error."""
    chosen = []
    for seed in range(200):
        hits = (np.random.default_rng(seed).random((2, 2, 300)) < 0.02).astype(float)
        chosen.append(choose_amount({0.0: hits[0], 0.25: hits[1]}))
    assert np.mean(np.array(chosen) > 0) < 0.2


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=12, max_size=12))
def test_equal_amounts_choose_zero(values: list[float]) -> None:
    table = np.array(values).reshape(2, 6)
    assert choose_amount({0.5: table, 0.1: table, 0.0: table}) == 0.0
