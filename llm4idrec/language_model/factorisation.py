"""A first guess of user and item vectors: the train matrix, factorised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from llm4idrec.data.interactions import Interactions

POWER_ITERATIONS = 8
Vectors = npt.NDArray[np.float32]


def factorise(train: Interactions, size: int, scale: float) -> tuple[Vectors, Vectors]:
    """Vectors of users (n_users, size) and items (n_items, size) with root mean square `scale`.

    They are the truncated singular vectors of the train matrix, normalised by the square roots of
    user and item counts (Cremonesi et al. 2010, PureSVD; Shen et al. 2021), where the length of
    an item's vector grows again with the fourth root of its count. A matrix with fewer dimensions
    than `size` leaves the other columns zero.
    """
    user_root = np.sqrt(np.maximum(train.history_lengths, 1))
    item_root = np.sqrt(np.maximum(train.item_counts, 1))
    weights = 1 / (user_root[train.user] * item_root[train.item])
    matrix = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack((train.user, train.item))),
        torch.from_numpy(weights),
        (train.n_users, train.n_items),
        check_invariants=True,
    )
    rank = min(size, train.n_users, train.n_items)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of the random projection, which hardly matters
        left, singular, right = torch.svd_lowrank(matrix, q=rank, niter=POWER_ITERATIONS)
    root = singular.sqrt()
    users, items = (left * root).numpy(), (right * root).numpy() * np.sqrt(item_root)[:, None]
    return _fill(users, size, scale), _fill(items, size, scale)


def _fill(vectors: npt.NDArray[np.float64], size: int, scale: float) -> Vectors:
    filled = np.zeros((len(vectors), size), np.float32)
    filled[:, : vectors.shape[1]] = vectors * scale / np.sqrt((vectors**2).mean())
    return filled
