"""Is the difference between two sets of rankings real, and how large is it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.metrics.crossed_effects import RatioTest, mean_interval, mean_test
from llm4idrec.metrics.ranking import FloatArray


@dataclass(frozen=True)
class Comparison:
    """One metric on the same users and seeds, before and after."""

    original: float
    """Mean over users and seeds."""
    augmented: float
    """Mean over users and seeds."""
    relative_gain: float | None
    """augmented / original - 1; None where original is 0."""
    low: float | None
    """Lower end of the confidence interval of `relative_gain`; None where that is, where there is
    no p, and where the original is too uncertain for any end."""
    high: float | None
    """Upper end of it."""
    p_value: float | None
    """Two-sided, of no difference, not yet corrected; it is below 1 - level exactly where the
    interval, if there is one, excludes 0. None with too few users or seeds."""
    n_seeds: int
    """Or runs, where seeds that share one were averaged (`run_means`)."""


def compare(original: FloatArray, augmented: FloatArray, *, level: float = 0.95) -> Comparison:
    """Compare `augmented` with `original`: per-user values of shape (seeds, users), the same seeds
    and users in both.

    `level` is that of the interval, a share. p and interval need two users and two seeds: a single
    one of many tells nothing of the others. Where the seed means nothing all have the same values,
    and what is left is the test over users.
    """
    shapes = original.shape, augmented.shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ValueError(f"shapes {sorted(set(shapes))}, expected one (seeds, users)")
    n_seeds, n_users = shapes[0]
    before, after = float(original.mean()), float(augmented.mean())
    p_value = low = high = None
    if n_users > 1 and n_seeds > 1:
        p_value = mean_test(augmented - original)
        if before:
            ends = RatioTest(original, augmented).interval(1 - level, p_value)
            low, high = (end - 1 for end in ends) if ends else (None, None)
    gain = after / before - 1 if before else None
    return Comparison(before, after, gain, low, high, p_value, n_seeds)


def mean_with_interval(values: FloatArray, level: float = 0.95) -> tuple[float, float, float]:
    """The mean of `values`, of shape (seeds, users), and the ends of its interval of that level, a
    share, in which users and seeds both vary; with one seed users alone do. It takes two users."""
    return float(values.mean()), *mean_interval(values, 1 - level)


def run_means(values: FloatArray, runs: int) -> FloatArray:
    """Means over the seeds that share a run of what generates, shape (runs, users).

    `values` are of shape (seeds, users), seed k of run k modulo `runs`. With a run for every seed
    they are as they were; so they are with a single run, of whose luck nothing is known.
    """
    if not 1 < runs < len(values):
        return values
    return np.stack([values[run::runs].mean(axis=0) for run in range(runs)])


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
    n_users = len(pc.unique(rows["user"]))
    return np.asarray(rows[metric].to_numpy(), np.float64).reshape(-1, n_users)
