"""Collaborative item indices: paths in a tree of clusters of items that users share."""

from __future__ import annotations

import warnings
from collections import deque

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import eigsh

from llm4idrec.data.interactions import Interactions, LongArray

_DENSE = 600
"""Graphs up to this many nodes are decomposed as dense matrices: that is faster."""


def collaborative_index(
    train: Interactions,
    *,
    clusters: int,
    leaf_size: int,
    independent: bool,
    rng: np.random.Generator,
) -> list[str]:
    """The clusters of each item from the root down, then a last token (CID of Hua et al. 2023).

    Items that users of `train` take together share clusters: a group of more than `leaf_size` items
    is parted into so many `clusters`, whose search starts where `rng` says.

    independent (CID+IID, their hybrid): no two clusters share a token, and each item has a last
    token of its own: `<CI3><CI25><I107>`. Otherwise (CID) there are `leaf_size` tokens: clusters
    are numbered in turn, items by their place within the leaf, so that a path with its last token
    is still unique: `<CI3><CI25><CI7>`. `clusters` must not be more than `leaf_size`.
    """
    index = [""] * train.n_items
    count = 0
    graph = cooccurrence(train)
    groups = deque([np.arange(train.n_items)])
    while groups:
        group = groups.popleft()
        if len(group) <= leaf_size:
            for place, item in enumerate(group.tolist()):
                index[item] += f"<I{item}>" if independent else f"<CI{place}>"
            continue
        label = spectral_clusters(graph[group][:, group], clusters, rng)
        for part in (group[label == number] for number in range(clusters)):
            if len(part):
                token = f"<CI{count if independent else count % leaf_size}>"
                for item in part.tolist():
                    index[item] += token
                groups.append(part)
                count += 1
    return index


def cooccurrence(train: Interactions) -> csr_array:
    """Number of users that two items share, (n_items, n_items), with an empty diagonal."""
    ones = np.ones(len(train), np.float64)
    taken = csr_array((ones, (train.user, train.item)), shape=(train.n_users, train.n_items))
    shared = (taken.T @ taken).tocsr()
    shared.setdiag(0)
    shared.eliminate_zeros()
    return shared


def spectral_clusters(graph: csr_array, clusters: int, rng: np.random.Generator) -> LongArray:
    """A cluster from 0 for each node, shape (n,), at least two of them in use; n >= clusters.

    The top eigenvectors of D^-1/2 A D^-1/2 (the bottom ones of the normalised Laplacian) with rows
    of length one, and k-means on them (Ng, Jordan and Weiss 2001). D is the degree plus its mean
    (Qin and Rohe 2013): without it, in a sparse graph, most clusters are small remote pieces.
    """
    degree = np.asarray(graph.sum(axis=1), np.float64)
    scale = diags_array(1 / np.sqrt(np.maximum(degree + degree.mean(), 1e-12)))
    vectors = _top_eigenvectors((scale @ graph @ scale).tocsr(), clusters, rng)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        _, label = kmeans2(vectors, clusters, iter=30, minit="++", rng=rng)
    if (label == label[0]).all():  # nothing tells the nodes apart
        return np.arange(len(label)) * clusters // len(label)
    return label.astype(np.int64)


def _top_eigenvectors(
    matrix: csr_array, count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Eigenvectors of the `count` largest eigenvalues of a symmetric matrix, (n, count)."""
    size = matrix.shape[0]
    if size <= max(_DENSE, 2 * count):
        return np.asarray(np.linalg.eigh(matrix.toarray())[1][:, -count:], np.float64)
    start = rng.normal(size=size)
    _, vectors = eigsh(matrix, count, which="LA", v0=start, ncv=4 * count, tol=1e-3)
    return np.asarray(vectors, np.float64)
