"""The normalised user-item graph and light graph convolution on it."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from llm4idrec.interactions import Interactions


def normalised_adjacency(train: Interactions, device: torch.device) -> Tensor:
    """D^-1/2 A D^-1/2 of the bipartite graph, CSR, users before items (He et al. 2020, eq. 8)."""
    size = train.n_users + train.n_items
    degree = np.maximum(np.concatenate([train.history_lengths, train.item_counts]), 1)
    item = train.item.astype(np.int64) + train.n_users
    weight = 1 / np.sqrt(degree[train.user] * degree[item])
    rows, columns = np.concatenate([train.user, item]), np.concatenate([item, train.user])
    matrix = csr_array((np.tile(weight, 2).astype(np.float32), (rows, columns)), shape=(size, size))
    matrix.sort_indices()
    # MKL has 32-bit indices: 64-bit ones would be converted at every product.
    with warnings.catch_warnings():  # torch calls its CSR layout a beta at each construction
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        warnings.filterwarnings("ignore", message="Sparse invariant checks")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size=(size, size),
            device=device,
        )


def propagate(embeddings: Tensor, adjacency: Tensor, layers: int) -> Tensor:
    """Mean over l = 0..layers of A^l E (He et al. 2020, eqs. 4 and 7 with equal weights).

    Shapes: embeddings (n, d), adjacency (n, n). By Horner's rule, E + A(E + A(E + ...)).
    """
    total = embeddings
    for _ in range(layers):
        total = torch.addmm(embeddings, adjacency, total)
    return total / (layers + 1)
