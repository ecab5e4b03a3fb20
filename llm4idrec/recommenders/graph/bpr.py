"""The BPR loss of a batch and its gradient, as products with sparse matrices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import softplus

from llm4idrec.data.interactions import IntArray, LongArray
from llm4idrec.recommenders.graph.propagation import neighbours, sparse_rows


class Comparisons(NamedTuple):
    """n pairs of a user and an item taken, each with m items not taken.

    They are k = n (1 + m) edges of a graph of users and items: a user's edges follow each other,
    and of each pair the item taken comes before the others. Indices are int32.
    """

    users: Tensor
    """Of the pairs, ascending, shape (n,)."""
    items: Tensor
    """Of the pairs, (n, 1 + m), the one taken first."""
    user_offsets: Tensor
    """Where the edges of each user begin, and the last one's end, shape (n_users + 1,)."""
    offsets: Tensor
    """The same of each node, users before items, in the edges seen from both ends, so 2k in all;
    shape (n_users + n_items + 1,)."""
    ends: Tensor
    """The node at the other end of each of those, shape (2k,)."""
    by_item: Tensor
    """The edges sorted by item, as they are seen from there, shape (k,)."""

    @classmethod
    def of(cls, users: LongArray, items: IntArray, shape: tuple[int, int]) -> Comparisons:
        """From `users` (n,), ascending, and `items` (n, 1 + m); shape = (n_users, n_items)."""
        counts = np.bincount(users, minlength=shape[0]) * items.shape[1]
        user_offsets = np.concatenate([[0], np.cumsum(counts)])
        edges = np.arange(items.size, dtype=np.int32)
        # The transposed matrix has the edges sorted by item, by counting.
        by_item = csr_array((edges, items.ravel(), user_offsets), shape=shape).tocsc()
        columns = (
            users,
            items,
            user_offsets,
            np.concatenate([user_offsets, by_item.indptr[1:] + items.size]),
            np.concatenate([items.ravel() + shape[0], by_item.indices]),
            by_item.data,
        )
        return cls(*(torch.from_numpy(column.astype(np.int32, copy=False)) for column in columns))

    def to(self, device: torch.device) -> Comparisons:
        return Comparisons(*(column.to(device) for column in self))

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_users(self) -> int:
        """Of the graph, not of the batch."""
        return len(self.user_offsets) - 1

    @property
    def nodes(self) -> Tensor:
        """The users, and the items taken, of the pairs: distinct, ascending."""
        nodes: Tensor = torch.unique(torch.cat([self.users, self.items[:, 0] + self.n_users]))
        return nodes


def bpr(vectors: Tensor, batch: Comparisons) -> tuple[Tensor, Tensor]:
    """Mean of -ln sigmoid(u.i - u.j) (Rendle et al. 2009, BPR-Opt), and its gradient.

    `vectors` are of users before items, and so is the gradient, (n_users + n_items, d). No vector
    is copied for a pair: that would be some (1 + m) n / (n_users + n_items) times as many bytes.
    """
    products = _products(vectors, batch)
    margins = products[:, 1:] - products[:, :1]
    # The gradient in a margin, and from it that in each product.
    of_others = torch.sigmoid(margins).div_(margins.numel())
    weights = torch.cat([-of_others.sum(1, keepdim=True), of_others], 1).flatten()
    weights = torch.cat([weights, weights.index_select(0, batch.by_item)])
    graph = sparse_rows(batch.offsets, batch.ends, weights, n_columns=len(vectors))
    return softplus(margins).mean(), neighbours(vectors, graph)


def _products(vectors: Tensor, batch: Comparisons) -> Tensor:
    """Of each pair's user with its items, (n, 1 + m)."""
    users, items = vectors[: batch.n_users], vectors[batch.n_users :]
    # A sparse matrix holds no more values than it has places.
    if vectors.device.type != "cpu" or batch.items.numel() > len(users) * len(items):
        return torch.einsum("nd,nmd->nm", users[batch.users], items[batch.items])
    zeros = vectors.new_zeros(batch.items.numel())
    places = sparse_rows(batch.user_offsets, batch.items.flatten(), zeros, n_columns=len(items))
    products: Tensor = torch.sparse.sampled_addmm(places, users, items.T).values()
    return products.view(batch.items.shape)
