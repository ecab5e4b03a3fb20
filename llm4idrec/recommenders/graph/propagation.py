"""The normalised user-item graph, light graph convolution on it, and noise between its layers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import embedding_bag

from llm4idrec.data.interactions import Interactions


def normalised_adjacency(train: Interactions, device: torch.device) -> Tensor:
    """D^-1/2 A D^-1/2 of the bipartite graph, CSR, users before items (He et al. 2020, eq. 8)."""
    size = train.n_users + train.n_items
    degree = np.maximum(np.concatenate([train.history_lengths, train.item_counts]), 1)
    item = train.item.astype(np.int64) + train.n_users
    weight = 1 / np.sqrt(degree[train.user] * degree[item])
    rows, columns = np.concatenate([train.user, item]), np.concatenate([item, train.user])
    matrix = csr_array((np.tile(weight, 2).astype(np.float32), (rows, columns)), shape=(size, size))
    matrix.sort_indices()
    indptr, indices = (
        torch.from_numpy(part.astype(np.int32)) for part in (matrix.indptr, matrix.indices)
    )
    return sparse_rows(indptr, indices, torch.from_numpy(matrix.data), n_columns=size).to(device)


def sparse_rows(offsets: Tensor, columns: Tensor, values: Tensor, *, n_columns: int) -> Tensor:
    """A CSR matrix (len(offsets) - 1, n_columns); a place may have several values, to be added."""
    with warnings.catch_warnings():  # torch calls its CSR layout a beta at each construction
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        warnings.filterwarnings("ignore", message="Sparse invariant checks")
        return torch.sparse_csr_tensor(
            offsets, columns, values, size=(len(offsets) - 1, n_columns), check_invariants=False
        )


def neighbours(embeddings: Tensor, adjacency: Tensor) -> Tensor:
    """A E. Shapes: embeddings (n, d), adjacency (m, n), CSR.

    On a CPU each row is summed as a bag of rows, which takes less time than MKL's product.
    """
    if embeddings.device.type != "cpu":
        return adjacency @ embeddings
    return embedding_bag(
        adjacency.col_indices(),
        embeddings,
        adjacency.crow_indices(),
        per_sample_weights=adjacency.values(),
        mode="sum",
        include_last_offset=True,
    )


def power_series(terms: Sequence[Tensor], adjacency: Tensor) -> Tensor:
    """Sum over l = 0, 1, ... of A^l T_l by Horner's rule, T_0 + A(T_1 + A(T_2 + ...)).

    Shapes: each of `terms` (n, d), adjacency (n, n).
    """
    *others, total = terms
    for term in reversed(others):
        total = neighbours(total, adjacency).add_(term)
    return total


def propagate(embeddings: Tensor, adjacency: Tensor, layers: int) -> Tensor:
    """Mean over l = 0..layers of A^l E (He et al. 2020, eqs. 4 and 7 with equal weights).

    Shapes: embeddings (n, d), adjacency (n, n).
    """
    return power_series([embeddings] * (layers + 1), adjacency).div_(layers + 1)


def mean(layers: Sequence[Tensor]) -> Tensor:
    """A new tensor, of the shape (n, d) of each."""
    total = layers[0] / len(layers)
    for layer in layers[1:]:
        total.add_(layer, alpha=1 / len(layers))
    return total


def disturb(embeddings: Tensor, length: float, generator: torch.Generator) -> Tensor:
    """Add a random vector of this length to each row, in place (Yu et al. 2022, eqs. 7 and 8).

    It lies in the row's orthant: the row's signs times a normalised uniform vector, whose entries
    are whole bytes here, because float uniforms would cost as much as a product with the graph.
    """
    bits = torch.randint(
        -(2**63),
        2**63 - 1,
        (embeddings.numel() // 8 + 1,),
        generator=generator,
        device=embeddings.device,
    )
    uniform = bits.view(torch.uint8)[: embeddings.numel()].view(embeddings.shape).float()
    norm = torch.linalg.vector_norm(uniform, dim=-1, keepdim=True).clamp_(min=1)
    return embeddings.addcmul_(embeddings.sign(), uniform.mul_(length / norm))
