"""The augmentation is chosen by more than the larger mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.evaluation.selection import choose_augmentation, next_trials, standard_error
from llm4idrec.metrics.ranking import FloatArray

LITTLE, MUCH = Augmentation(0.1), Augmentation(0.25)
OTHER_LITTLE, OTHER_MUCH = Augmentation(0.1, 1.0), Augmentation(0.25, 1.0)
EVERY = [LITTLE, OTHER_LITTLE, MUCH, OTHER_MUCH]


def raced(gains: dict[Augmentation, float], seeds: int = 2) -> list[dict[Augmentation, int]]:
    """The rounds of an arm whose augmentations lift every user by `gains`, with some noise."""
    rng = np.random.default_rng(0)
    base, noise = rng.random((seeds, 500)), 0.01 * rng.standard_normal((4, seeds, 500))
    noise -= noise.mean(axis=-1, keepdims=True)
    full = {a: base + gain + its for (a, gain), its in zip(gains.items(), noise, strict=False)}
    values: dict[Augmentation, FloatArray] = {ORIGINAL_DATA: base}
    rounds = []
    while wanted := next_trials(values, [ORIGINAL_DATA, *sorted(gains)], seeds):
        rounds.append(wanted)
        values |= {a: full[a][:count] for a, count in wanted.items()}
    assert choose_augmentation(values) == choose_augmentation({ORIGINAL_DATA: base, **full})
    return rounds


def test_standard_error_known_answer() -> None:
    """Users' means 1, 3, 5 (variance 4), seeds' means 2, 4 (variance 2)."""
    differences = np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]])
    assert standard_error(differences) == pytest.approx(np.sqrt(4 / 3 + 2 / 2))


def test_one_seed() -> None:
    assert standard_error(np.array([[1.0, 2.0, 3.0]])) == pytest.approx(np.sqrt(1 / 3))


def test_a_clear_gain_is_taken() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((2, 500))
    values = {MUCH: base - 0.1, ORIGINAL_DATA: base, LITTLE: base + 0.05}
    assert choose_augmentation(values) == LITTLE


def test_of_gains_that_do_not_differ_the_smallest_amount_is_taken() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((2, 500))
    noise = 0.2 * rng.standard_normal((2, 500))
    values = {
        ORIGINAL_DATA: base,
        LITTLE: base + 0.1,
        MUCH: base + 0.1005 + noise - noise.mean(),
    }
    assert choose_augmentation(values) == LITTLE


def test_of_orders_with_equal_amounts_the_larger_mean_is_taken() -> None:
    """Though the other comes first, and is within the standard error."""
    rng = np.random.default_rng(0)
    base = rng.random((2, 500))
    noise = 0.2 * rng.standard_normal((2, 500))
    better = Augmentation(0.1, 0.5)
    values = {
        ORIGINAL_DATA: base,
        LITTLE: base + 0.1,
        better: base + 0.1005 + noise - noise.mean(),
        Augmentation(0.1, 1.0): base + 0.1,
        Augmentation(0.25, 0.5): base + 0.101 - noise + noise.mean(),
    }
    assert choose_augmentation(values) == better
    assert choose_augmentation(dict(reversed(values.items()))) == better


def test_an_order_that_is_clearly_worse_is_not_taken_for_its_amount() -> None:
    base = np.random.default_rng(0).random((2, 500))
    larger = Augmentation(0.25, 1.0)
    values = {ORIGINAL_DATA: base, LITTLE: base + 0.05, MUCH: base, larger: base + 0.1}
    assert choose_augmentation(values) == larger


def test_noise_on_few_hits_chooses_nothing() -> None:
    """Of two that are alike one is better by chance, mostly within the error."""
    chosen = []
    for seed in range(200):
        hits = (np.random.default_rng(seed).random((2, 2, 300)) < 0.02).astype(float)
        chosen.append(choose_augmentation({ORIGINAL_DATA: hits[0], MUCH: hits[1]}).amount)
    assert np.mean(np.array(chosen) > 0) < 0.2


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=12, max_size=12))
def test_equal_values_choose_nothing_or_else_the_least(values: list[float]) -> None:
    table = np.array(values).reshape(2, 6)
    added = dict.fromkeys([MUCH, Augmentation(0.1, 1.0), LITTLE], table)
    assert choose_augmentation(added | {ORIGINAL_DATA: table}) == ORIGINAL_DATA
    assert choose_augmentation(added) == LITTLE


def test_an_arm_that_harms_is_judged_by_its_smallest_amount() -> None:
    """A seed for each order, and no more."""
    assert raced(dict.fromkeys(EVERY, -0.1)) == [{LITTLE: 1, OTHER_LITTLE: 1}]


def test_an_order_that_fell_behind_is_left() -> None:
    gains = {LITTLE: 0.1, OTHER_LITTLE: 0.05, MUCH: 0.2, OTHER_MUCH: 0.1}
    assert raced(gains) == [{LITTLE: 1, OTHER_LITTLE: 1}, {MUCH: 1}, {MUCH: 2}]


def test_orders_that_do_not_differ_go_on_together() -> None:
    gains = {LITTLE: 0.1, OTHER_LITTLE: 0.1, MUCH: 0.2, OTHER_MUCH: 0.15}
    assert raced(gains) == [{LITTLE: 1, OTHER_LITTLE: 1}, {MUCH: 1, OTHER_MUCH: 1}, {MUCH: 2}]


def test_no_larger_amount_is_tried_once_one_fell_behind() -> None:
    gains = {LITTLE: 0.2, MUCH: 0.1, Augmentation(0.5): 0.05}
    assert raced(gains) == [{LITTLE: 1}, {MUCH: 1}, {LITTLE: 2}]


def test_one_seed_needs_no_last_round() -> None:
    assert raced({LITTLE: 0.1, MUCH: 0.2}, seeds=1) == [{LITTLE: 1}, {MUCH: 1}]


def test_without_amounts_there_is_nothing_to_try() -> None:
    assert raced({}) == []


@given(
    st.fixed_dictionaries({augmentation: st.floats(-0.3, 0.3) for augmentation in EVERY}),
    st.integers(1, 3),
)
def test_the_rounds_end_and_choose_what_was_judged_by_all_seeds(
    gains: dict[Augmentation, float], seeds: int
) -> None:
    """Whatever the gains: nothing is asked for twice."""
    rng = np.random.default_rng(1)
    base = rng.random((seeds, 50))
    values: dict[Augmentation, FloatArray] = {ORIGINAL_DATA: base}
    while wanted := next_trials(values, [ORIGINAL_DATA, *sorted(gains)], seeds):
        assert all(count > len(values.get(a, ())) for a, count in wanted.items())
        values |= {a: (base + gains[a])[:count] for a, count in wanted.items()}
    best = max(values, key=lambda augmentation: float(values[augmentation][0].mean()))
    assert len(values[best]) == seeds


def test_what_is_chosen_was_judged_by_all_seeds() -> None:
    """Though the first seed alone is for another."""
    base = np.random.default_rng(0).random((2, 500))
    values = {ORIGINAL_DATA: base, LITTLE: base + 0.1, MUCH: base[:1] + 0.2}
    assert choose_augmentation(values) == LITTLE
