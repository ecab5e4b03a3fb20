"""Is the difference between two sets of rankings real, and how large is it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from llm4idrec.metrics.ranking import FloatArray

_RESAMPLES_A_CHUNK = 250


@dataclass(frozen=True)
class Comparison:
    """One metric on the same users and seeds, before and after."""

    original: float
    """Mean over users and seeds."""
    augmented: float
    """Mean over users and seeds."""
    relative_gain: float
    """augmented / original - 1; NaN where original is 0."""
    low: float
    """Lower end of the confidence interval of `relative_gain`."""
    high: float
    """Upper end of it."""
    p_value: float
    """Two-sided, of the paired t-test over users, not yet corrected."""
    effect_size: float
    """Cohen's d of the paired differences: their mean over their standard deviation."""


def compare(
    original: FloatArray,
    augmented: FloatArray,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare `augmented` with `original`: per-user values of shape (seeds, users), the same seeds
    and users in both. `resamples`, `level` and `seed` are as in `compare_pairs`."""
    values = {"original": original, "augmented": augmented}
    pair = ("original", "augmented")
    return compare_pairs(values, [pair], resamples=resamples, level=level, seed=seed)[pair]


def compare_pairs(
    values: Mapping[str, FloatArray],
    pairs: Sequence[tuple[str, str]],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[tuple[str, str], Comparison]:
    """Compare the second of each pair of `values` with the first, on the same resamples throughout.

    `values` are per-user, each of shape (seeds, users), the same seeds and users in all, and
    `pairs` are of their names. `resamples` is how often users and seeds are drawn, `seed` decides
    which, and `level` is that of the interval, a share.
    """
    shapes = {array.shape for array in values.values()}
    if len(shapes) != 1 or any(len(shape) != 2 or 0 in shape for shape in shapes):
        raise ValueError(f"shapes {sorted(shapes)}, expected one (seeds, users)")
    drawn = _resampled(values, resamples, seed)
    return {pair: _compared(values, drawn, pair, level=level) for pair in pairs}


def _compared(
    values: Mapping[str, FloatArray],
    drawn: Mapping[str, FloatArray],
    pair: tuple[str, str],
    *,
    level: float,
) -> Comparison:
    original, augmented = (values[name] for name in pair)
    p_value, effect_size = paired_test(original.mean(axis=0), augmented.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = drawn[pair[1]] / drawn[pair[0]] - 1
        low, high = np.quantile(gains, [(1 - level) / 2, (1 + level) / 2])
    before, after = float(original.mean()), float(augmented.mean())
    gain = after / before - 1 if before else float("nan")
    return Comparison(before, after, gain, float(low), float(high), p_value, effect_size)


def paired_test(original: FloatArray, augmented: FloatArray) -> tuple[float, float]:
    """Two-sided p of the paired t-test, and Cohen's d, of two arrays of shape (users,).

    A t-test, because the mean is what is reported; over hundreds of users it is near normal
    whatever the values' distribution. Differences that are all equal give p 1 and d 0 if they are
    zero, and p 0 and an infinite d otherwise; one user alone gives p 1 and d 0.
    """
    difference = augmented - original
    if len(difference) == 1:
        return 1.0, 0.0
    mean, deviation = float(difference.mean()), float(difference.std(ddof=1))
    if deviation <= 1e-12 * abs(mean) or deviation == 0:
        return (1.0, 0.0) if mean == 0 else (0.0, float(np.copysign(np.inf, mean)))
    return float(stats.ttest_rel(augmented, original).pvalue), mean / deviation


def _resampled(
    values: Mapping[str, FloatArray], resamples: int, seed: int
) -> dict[str, FloatArray]:
    """Bootstrap sums over users and seeds of each of `values` (seeds, users): (resamples,).

    Users and seeds are drawn anew, each with replacement and alike in all, so that what they share
    cancels out in a quotient, whose percentiles are the interval of a relative gain. With s seeds
    the spread between seeds comes out too small by a factor of about sqrt((s - 1) / s).
    """
    n_seeds, n_users = next(iter(values.values())).shape
    by_user = np.concatenate(list(values.values())).T
    rng = np.random.default_rng(seed)
    sums = []
    for start in range(0, resamples, _RESAMPLES_A_CHUNK):
        size = min(_RESAMPLES_A_CHUNK, resamples - start)
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size)
        users = rng.multinomial(n_users, np.full(n_users, 1 / n_users), size)
        by_seed = (users.astype(np.float64) @ by_user).reshape(size, len(values), n_seeds)
        sums.append((by_seed * seeds[:, None, :]).sum(axis=2))
    return dict(zip(values, np.concatenate(sums).T, strict=True))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's (1979) step-down correction: adjusted p-values, in the given order."""
    ascending = sorted(p_values, key=lambda name: p_values[name])
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(ascending):
        largest = max(largest, min(1.0, p_values[name] * (len(ascending) - place)))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def seeds_by_users(per_user: pa.Table, variant: str, metric: str) -> FloatArray:
    """One metric of one variant of `per_user.parquet`, shape (seeds, users), both ascending."""
    rows = per_user.filter(pc.equal(per_user["variant"], variant))
    rows = rows.sort_by([("seed", "ascending"), ("user", "ascending")])
    n_seeds = pc.count_distinct(rows["seed"]).as_py()
    return np.asarray(rows[metric].to_numpy(), np.float64).reshape(n_seeds, -1)
