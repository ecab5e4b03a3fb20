"""Tests and intervals against known answers, and against data whose answer is known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.metrics.significance import compare, compare_pairs, holm, paired_test, seeds_by_users


def test_paired_test_known_answer() -> None:
    """Differences 1, 2, 3: t = 2 / (1 / sqrt 3) = 3.4641 with 2 degrees of freedom."""
    p_value, effect = paired_test(np.zeros(3), np.array([1.0, 2.0, 3.0]))
    assert p_value == pytest.approx(0.0741799, abs=1e-6)
    assert effect == pytest.approx(2.0)


def test_equal_and_shifted() -> None:
    values = np.random.default_rng(0).random((5, 50))
    same = compare(values, values)
    assert (same.p_value, same.effect_size, same.relative_gain) == (1.0, 0.0, 0.0)
    assert (same.low, same.high) == (0.0, 0.0)
    assert paired_test(np.zeros(4), np.ones(4)) == (0.0, np.inf)
    assert paired_test(np.ones(4), np.zeros(4)) == (0.0, -np.inf)


def test_clear_gain() -> None:
    rng = np.random.default_rng(1)
    original = rng.random((5, 400))
    augmented = original * 1.1 + rng.normal(0, 0.01, original.shape)
    result = compare(original, augmented)
    assert result.p_value < 1e-6
    assert result.low < result.relative_gain < result.high
    assert result.low > 0.09
    assert result.high < 0.11


def test_interval_is_repeatable_and_follows_its_seed() -> None:
    rng = np.random.default_rng(2)
    original, augmented = rng.random((2, 3, 40))
    drawn = [
        compare(original, augmented, resamples=300, level=0.9, seed=seed) for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_interval_known_answer() -> None:
    """Two equal users, two seeds, one of which gains 100 %: a quarter of the resamples have it
    twice, a half once, a quarter not at all."""
    values = np.ones((2, 2)), np.array([[2.0, 2.0], [1.0, 1.0]])
    result = compare(*values, level=0.9)
    assert (result.low, result.high) == (0.0, 1.0)
    middle = compare(*values, level=0.4)
    assert (middle.low, middle.high) == (0.5, 0.5)


def test_pairs_are_compared_as_if_alone() -> None:
    rng = np.random.default_rng(5)
    values = dict(zip("abc", rng.random((3, 2, 30)), strict=True))
    pairs = [("a", "b"), ("c", "b"), ("b", "a")]
    together = compare_pairs(values, pairs)
    assert list(together) == pairs
    for (before, after), found in together.items():
        alone = compare(values[before], values[after])
        assert found.p_value == alone.p_value
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert together["a", "b"].p_value == together["b", "a"].p_value


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Users drawn from a population whose gain is 10%: about 90 of 100 intervals hold it."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        level = rng.gamma(2.0, 0.1, 150)
        original = level + rng.normal(0, 0.02, (5, 150))
        augmented = level * 1.1 + rng.normal(0, 0.02, (5, 150)) + rng.normal(0, 0.05, 150)
        result = compare(original, augmented, resamples=400, level=0.9)
        held += result.low <= 0.1 <= result.high
    assert 165 <= held <= 195


def test_no_gain_is_rarely_significant() -> None:
    rng = np.random.default_rng(4)
    p_values = [paired_test(*rng.random((2, 100)))[0] for _ in range(400)]
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.08


def test_holm_known_answer() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert list(holm({"b": 0.5, "a": 0.9})) == ["b", "a"]
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 1), max_size=6))
def test_holm_lies_between_raw_and_bonferroni(p_values: dict[str, float]) -> None:
    for name, adjusted in holm(p_values).items():
        assert p_values[name] <= adjusted <= min(1, len(p_values) * p_values[name]) + 1e-12


def test_seeds_by_users() -> None:
    table = pa.table(
        {
            "variant": ["original", "augmented", "original", "original", "original"],
            "seed": [1, 0, 0, 1, 0],
            "user": [4, 4, 9, 9, 4],
            "hr_at_5": [0.1, 0.9, 0.2, 0.3, 0.4],
        }
    )
    assert seeds_by_users(table, "original", "hr_at_5").tolist() == [[0.4, 0.2], [0.1, 0.3]]


def test_refuses_unequal_shapes() -> None:
    with pytest.raises(ValueError, match="expected one"):
        compare(np.zeros((2, 3)), np.zeros((2, 4)))
