"""Values by user and seed, drawn from the model whose components are known."""

from __future__ import annotations

import numpy as np

from llm4idrec.metrics.ranking import FloatArray


def drawn(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    users: float = 0.0,
    seeds: float = 0.0,
    gain: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Original and augmented, of a shape (seeds, users).

    `users` and `seeds` are the shares of their components in the variance of the mean difference,
    and `gain` is the true relative one.
    """
    n_seeds, n_users = shape
    level = rng.gamma(0.8, 0.25, (1, n_users))  # mean 0.2, many near 0: as of NDCG
    variance = 0.1**2 / (n_seeds * n_users) / (1 - users - seeds)
    by_user = rng.normal(0, np.sqrt(users * variance * n_users), (1, n_users))
    by_seed = rng.normal(0, np.sqrt(seeds * variance * n_seeds), (n_seeds, 1))
    original = level + rng.normal(0, 0.05, shape)
    difference = by_user + by_seed + rng.normal(0, 0.1, shape)
    return original, original + gain * 0.2 + difference
