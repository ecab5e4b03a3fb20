"""Metrics of full rankings, one value a user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import InputError

FloatArray = npt.NDArray[np.float64]


def evaluated_users(train: Interactions, heldout: Interactions) -> IntArray:
    """Users with at least one interaction in both, ascending."""
    return np.intersect1d(train.user, heldout.user).astype(np.int32)


def require_several(users: IntArray, file: Path) -> None:
    """`InputError` if `file` holds out items of one of the `users` only."""
    if len(users) == 1:
        raise InputError(
            "holds items of one user only",
            "those of at least two, over whom a gain can be tested",
            "take more data, or another split",
            file=file,
        )


def user_metrics(
    ranked: IntArray, users: IntArray, heldout: Interactions, *, cutoffs: Iterable[int]
) -> dict[str, FloatArray]:
    """Recall, NDCG, HR and MRR at each cutoff, named like `recall_at_20`, each (len(users),).

    `ranked` holds each user's items best first, shape (len(users), k) with k >= every cutoff;
    negative numbers are empty places. Each of `users` needs an item in `heldout`; items there that
    nobody can recommend still count as held out, so they are misses.

    Recall divides by the number of held-out items. NDCG is binary with log2 discounts, its ideal
    fills min(held-out, N) places. MRR is one over the place of the first hit, 0 beyond N.
    """
    hits = (ranked >= 0) & heldout.contains(np.asarray(users, np.int64)[:, None], ranked)
    relevant = heldout.history_lengths[users]
    if len(relevant) and relevant.min() == 0:
        raise ValueError("a user has nothing held out, expected at least one item each")
    discount = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.concatenate([[0], np.cumsum(discount)])
    found = np.cumsum(hits, axis=1)
    gain = np.cumsum(hits * discount, axis=1)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    metrics: dict[str, FloatArray] = {}
    for n in cutoffs:
        if n > hits.shape[1]:
            raise ValueError(f"cutoff {n}, but only {hits.shape[1]} places are ranked")
        metrics[f"recall_at_{n}"] = found[:, n - 1] / relevant
        metrics[f"ndcg_at_{n}"] = gain[:, n - 1] / ideal[np.minimum(relevant, n)]
        metrics[f"hr_at_{n}"] = (first <= n).astype(np.float64)
        metrics[f"mrr_at_{n}"] = np.where(first <= n, 1 / first, 0.0)
    return metrics


def metrics_in_catalogue(
    ranked: IntArray,
    users: IntArray,
    heldout: Interactions,
    *,
    n_items: int,
    cutoffs: Iterable[int],
) -> dict[str, float]:
    """Means of `user_metrics`, named like `recall_at_20_in_catalogue`, where only items of the
    catalogue, the first `n_items`, count as held out.

    They are over those of `users` that have one; empty if nobody has. Other arguments are as there.
    """
    kept = heldout.item < n_items
    known = Interactions(heldout.user[kept], heldout.item[kept], heldout.n_users, n_items)
    rows = known.history_lengths[users] > 0
    if not rows.any():
        return {}
    metrics = user_metrics(ranked[rows], users[rows], known, cutoffs=cutoffs)
    return {f"{name}_in_catalogue": float(values.mean()) for name, values in metrics.items()}


def coverage(ranked: IntArray, n_items: int) -> float:
    """Share of the catalogue that stands in at least one user's ranking."""
    return len(np.unique(ranked[ranked >= 0])) / n_items
