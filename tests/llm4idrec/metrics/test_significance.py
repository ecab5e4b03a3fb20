"""Tests and intervals against known answers, and against data whose answer is known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llm4idrec.metrics.crossed_effects import RatioTest, mean_test
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import (
    Comparison,
    compare,
    holm,
    mean_with_interval,
    run_means,
    seeds_by_users,
)
from tests.llm4idrec.metrics.drawn import drawn


def rejected(found: Comparison) -> bool:
    assert found.p_value is not None
    return found.p_value < 0.05


def holds(found: Comparison, gain: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= gain <= found.high


@pytest.mark.parametrize("n_seeds", [2, 3, 5, 7])
def test_seeds_that_mean_nothing_leave_the_test_to_users(n_seeds: int) -> None:
    """Differences 1, 2, 3 in each: t = 2 / (1 / sqrt 3) = 3.4641 with 2 degrees of freedom."""
    difference = np.repeat([[1.0, 2.0, 3.0]], n_seeds, axis=0)
    found = compare(np.full((n_seeds, 3), 9.0), 9 + difference)
    assert found.p_value == pytest.approx(0.0741799, abs=1e-6)
    assert (found.original, found.augmented, found.n_seeds) == (9, 11, n_seeds)


@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_rows_repeated_over_seeds_are_one_seed_in_p_and_interval(n_seeds: int) -> None:
    rng = np.random.default_rng(8)
    original = rng.gamma(2, 1, (1, 90))
    augmented = 1.1 * original + rng.normal(0, 0.4, original.shape)
    repeated = compare(*(np.repeat(array, n_seeds, axis=0) for array in (original, augmented)))
    plain = float(stats.ttest_1samp((augmented - original)[0], 0).pvalue)
    assert repeated.p_value == pytest.approx(mean_test(augmented - original))
    assert repeated.p_value == pytest.approx(plain)
    ends = RatioTest(original, augmented).interval(0.05, plain)
    assert ends is not None
    assert (repeated.low, repeated.high) == pytest.approx((ends[0] - 1, ends[1] - 1))
    once, again = (mean_with_interval(np.repeat(original, n, axis=0)) for n in (1, n_seeds))
    assert again == pytest.approx(once)


def test_the_interval_of_a_mean_known_answer() -> None:
    """Values (1, 3, 5) and (4, 5, 9): the same mean squares as below."""
    mean, low, high = mean_with_interval(np.array([[1.0, 3.0, 5.0], [4.0, 5.0, 9.0]]), level=0.9)
    freedom = 23.5**2 / (10.5**2 / 2 + 13.5**2 + 0.5**2 / 2)
    width = stats.t.ppf(0.95, freedom) * np.sqrt(23.5 / 6)
    assert (mean, low, high) == pytest.approx((4.5, 4.5 - width, 4.5 + width))
    assert mean_with_interval(np.full((3, 4), 0.25)) == pytest.approx((0.25, 0.25, 0.25))


@pytest.mark.parametrize("seeds", [0.0, 0.3])
def test_the_interval_of_a_mean_holds_it(seeds: float) -> None:
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(300):
        original, augmented = drawn(rng, (5, 120), users=0.3, seeds=seeds)
        _, low, high = mean_with_interval(augmented - original)
        held += low <= 0 <= high
    assert held / 300 >= 0.92


def test_seeds_that_share_a_run_are_averaged() -> None:
    values = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 9.0]])
    assert run_means(values, 2).tolist() == [[2.0, 5.0], [2.0, 3.0]]
    for runs in (1, 3, 8):
        assert run_means(values, runs).tolist() == values.tolist()


def test_users_and_seeds_known_answer() -> None:
    """Differences (1, 3, 5) and (4, 5, 9), of mean 4.5: the mean squares are by hand 10.5 of users,
    13.5 of seeds and 0.5 of the rest, so the variance of the mean is (10.5 + 13.5 - 0.5) / 6."""
    difference = np.array([[1.0, 3.0, 5.0], [4.0, 5.0, 9.0]])
    found = compare(np.full((2, 3), 50.0), 50 + difference)
    freedom = 23.5**2 / (10.5**2 / 2 + 13.5**2 + 0.5**2 / 2)
    t = 4.5 / np.sqrt(23.5 / 6)
    assert found.p_value == pytest.approx(2 * stats.t.sf(t, freedom))
    # The original is 50 throughout, so the interval is that of the mean, over 50.
    width = stats.t.ppf(0.975, freedom) * np.sqrt(23.5 / 6) / 50
    assert (found.low, found.high) == pytest.approx((0.09 - width, 0.09 + width))


def test_a_component_below_zero_is_left_out() -> None:
    """The means of the seeds are equal: what is left is the t-test over the users' means."""
    difference = np.array([[1.0, 4.0, 2.0, 9.0], [3.0, 2.0, 4.0, 7.0]])
    found = compare(np.full((2, 4), 50.0), 50 + difference)
    assert found.p_value == pytest.approx(stats.ttest_1samp(difference.mean(axis=0), 0).pvalue)
    # And the other way round.
    found = compare(np.full((4, 2), 50.0), 50 + difference.T)
    assert found.p_value == pytest.approx(stats.ttest_1samp(difference.mean(axis=0), 0).pvalue)
    # With neither effect every cell counts.
    cells = np.array([[1.0, 3.0], [3.0, 1.0]])
    found = compare(np.full((2, 2), 50.0), 50 + cells)
    t = 2 / np.sqrt(4 / 4)
    assert found.p_value == pytest.approx(2 * stats.t.sf(t, 1))


def test_the_interval_is_fiellers() -> None:
    """Of one training: the roots of mean(a - r o)^2 = t^2 var(a - r o) / n, a quadratic in r."""
    rng = np.random.default_rng(0)
    original = rng.gamma(2, 1, 30)
    augmented = 1.2 * original + rng.normal(0, 1, 30)
    found = compare(*(np.repeat([a], 2, axis=0) for a in (original, augmented)), level=0.9)
    (oo, oa), (_, aa) = np.cov(original, augmented) * stats.t.ppf(0.95, 29) ** 2 / 30
    o, a = original.mean(), augmented.mean()
    low, high = sorted(np.roots([o * o - oo, -2 * (o * a - oa), a * a - aa]))
    assert (found.low, found.high) == pytest.approx((low - 1, high - 1))


def test_equal_and_shifted() -> None:
    values = np.random.default_rng(0).random((5, 50))
    same = compare(values, values)
    assert (same.p_value, same.relative_gain, same.low, same.high) == (1.0, 0.0, 0.0, 0.0)
    shifted = compare(np.ones((2, 4)), np.full((2, 4), 2.0))
    assert (shifted.p_value, shifted.low, shifted.high) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("shape", [(1, 9), (1, 1), (5, 1)], ids=str)
def test_too_few_seeds_or_users_have_neither_p_nor_interval(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    found = compare(*(rng.random(shape) for _ in range(2)))
    assert (found.p_value, found.low, found.high) == (None, None, None)
    assert found.relative_gain == pytest.approx(found.augmented / found.original - 1)


def test_an_original_of_zero_has_no_gain_and_one_near_zero_no_interval() -> None:
    nothing = np.zeros((2, 4))
    found = compare(nothing, nothing)
    assert (found.relative_gain, found.low, found.high, found.p_value) == (None, None, None, 1)
    rare = np.array([[0.0, 0.0, 0.3, 0.0], [0.0, 0.1, 0.0, 0.0]])
    found = compare(rare, rare + 0.5)
    assert (found.low, found.high, found.p_value) == (None, None, 0)


def test_clear_gain() -> None:
    rng = np.random.default_rng(1)
    original = rng.random((5, 400))
    augmented = original * 1.1 + rng.normal(0, 0.01, original.shape)
    result = compare(original, augmented)
    assert rejected(result)
    assert holds(result, 0.1)
    assert result.low is not None
    assert result.high is not None
    assert 0.09 < result.low < result.high < 0.11


def test_a_difference_between_seeds_is_doubt() -> None:
    """A gain that seeds do not agree on is no gain, however many users there are."""
    original = np.random.default_rng(2).random((3, 2000))
    by_seed = np.array([[-0.02], [0.03], [0.05]])
    found = compare(original, original + by_seed)
    assert found.p_value == pytest.approx(stats.ttest_1samp(by_seed[:, 0], 0).pvalue, rel=0.01)
    assert holds(found, 0)


cells = st.integers(0, 10).map(lambda n: n / 10)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    shape = draw(st.tuples(st.integers(2, 5), st.integers(2, 12)))
    n = shape[0] * shape[1]
    first, second = (draw(st.lists(cells, min_size=n, max_size=n)) for _ in range(2))
    return np.array(first).reshape(shape), np.array(second).reshape(shape)


@given(pairs())
def test_p_is_below_5_percent_exactly_where_the_interval_excludes_0(
    pair: tuple[FloatArray, FloatArray],
) -> None:
    found = compare(*pair)
    if found.low is not None and found.high is not None and found.relative_gain is not None:
        assert found.low <= found.relative_gain <= found.high
        assert rejected(found) == (found.low > 0 or found.high < 0)


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_users_and_seeds_means_nothing(
    pair: tuple[FloatArray, FloatArray], random: np.random.RandomState
) -> None:
    n_seeds, n_users = pair[0].shape
    seeds, users = list(range(n_seeds)), list(range(n_users))
    random.shuffle(seeds)
    random.shuffle(users)
    first, again = compare(*pair), compare(*(array[seeds][:, users] for array in pair))
    assert again.original == pytest.approx(first.original)
    assert again.p_value == pytest.approx(first.p_value, abs=1e-6)


def test_the_interval_does_not_depend_on_the_order() -> None:
    pair = drawn(np.random.default_rng(3), (5, 80), seeds=0.3, gain=0.05)
    first = compare(*pair)
    again = compare(*(array[::-1, ::-1] for array in pair))
    assert (again.low, again.high) == pytest.approx((first.low, first.high))


@pytest.mark.parametrize("n_seeds", [3, 5])
@pytest.mark.parametrize("users", [0.0, 0.4])
@pytest.mark.parametrize("seeds", [0.0, 0.3])
def test_equals_are_rarely_told_apart_and_intervals_hold(
    n_seeds: int, users: float, seeds: float
) -> None:
    """`benchmarks/null.py` has the finer table. 200 draws: the standard error is 1.5 %."""
    rng = np.random.default_rng(4)
    shape = n_seeds, 120
    null = [compare(*drawn(rng, shape, users=users, seeds=seeds)) for _ in range(200)]
    gains = [compare(*drawn(rng, shape, users=users, seeds=seeds, gain=0.1)) for _ in range(200)]
    for side in (-1, 1):
        told = [rejected(c) and side * (c.relative_gain or 0) > 0 for c in null]
        assert np.mean(told) <= 0.05
    assert np.mean([holds(c, 0.1) for c in gains]) >= 0.92


def test_a_test_over_users_alone_tells_equals_apart() -> None:
    """Which is what the variance of the seeds is counted for."""
    rng = np.random.default_rng(5)
    null = [drawn(rng, (5, 120), seeds=0.45) for _ in range(400)]
    means = [(after - before).mean(axis=0, keepdims=True) for before, after in null]
    assert np.mean([mean_test(difference) < 0.05 for difference in means]) > 0.1
    assert np.mean([rejected(compare(*pair)) for pair in null]) < 0.08


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


TABLE = pa.table(
    {
        "variant": ["original", "augmented", "original", "original", "original", "augmented"],
        "seed": [1, 0, 0, 1, 0, 0],
        "user": [4, 4, 9, 9, 4, 9],
        "hr_at_5": [0.1, 0.9, 0.2, 0.3, 0.4, 0.5],
    }
)


def test_seeds_by_users() -> None:
    assert seeds_by_users(TABLE, "original", "hr_at_5").tolist() == [[0.4, 0.2], [0.1, 0.3]]


def test_refuses_unequal_shapes() -> None:
    with pytest.raises(ValueError, match="expected one"):
        compare(np.zeros((2, 3)), np.zeros((2, 4)))
