"""User and item vectors without training: the train matrix, factorised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from llm4idrec.data.interactions import Interactions

POWER_ITERATIONS, OVERSAMPLING = 8, 16
"""Of the random projection (Halko et al. 2011); vectors beyond the largest `size` are dropped."""
Vectors = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]


def factorise(train: Interactions, size: int, scale: float) -> tuple[Vectors, Vectors]:
    """Vectors of users (n_users, size) and items (n_items, size) with root mean square `scale`.

    They are the singular vectors of the train matrix, normalised by the square roots of user and
    item counts (Cremonesi et al. 2010, PureSVD; Shen et al. 2021), where the length of an item's
    vector grows again with the fourth root of its count. A matrix with fewer dimensions than `size`
    leaves the other columns zero.
    """
    left, singular, right = singular_vectors(train, size, normalisation=0.5)
    root = np.sqrt(singular)
    users, items = left * root, right * root * counts_to(train.item_counts, 0.25)[:, None]
    return _fill(users, size, scale), _fill(items, size, scale)


def singular_vectors(
    train: Interactions, size: int, *, normalisation: float
) -> tuple[Matrix, Matrix, Matrix]:
    """The largest singular values of the train matrix and their vectors: (n_users, k), (k,) and
    (n_items, k), with k = `size` or, of a smaller matrix, its smaller side.

    Each pair is divided by the counts of its user and of its item, to the power `normalisation`.
    """
    user_weight = counts_to(train.history_lengths, -normalisation)
    item_weight = counts_to(train.item_counts, -normalisation)
    matrix = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack((train.user, train.item))),
        torch.from_numpy(user_weight[train.user] * item_weight[train.item]),
        (train.n_users, train.n_items),
        check_invariants=True,
    )
    rank = min(size, train.n_users, train.n_items)
    drawn = min(rank + OVERSAMPLING, train.n_users, train.n_items)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of the random projection, which hardly matters
        left, singular, right = torch.svd_lowrank(matrix, q=drawn, niter=POWER_ITERATIONS)
    return left.numpy()[:, :rank], singular.numpy()[:rank], right.numpy()[:, :rank]


def counts_to(counts: npt.NDArray[np.int64], power: float) -> Matrix:
    """Counts, those of nothing as 1, to that power."""
    return np.asarray(np.maximum(counts, 1.0) ** power, np.float64)


def _fill(vectors: Matrix, size: int, scale: float) -> Vectors:
    filled = np.zeros((len(vectors), size), np.float32)
    filled[:, : vectors.shape[1]] = vectors * scale / np.sqrt((vectors**2).mean())
    return filled
