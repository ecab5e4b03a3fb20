"""Whether what one user takes in a night goes together, more than after a shuffle of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.nn.factorisation import Matrix, singular_vectors

SIZE = 16
"""Dimensions of the items' vectors: with these the least of 28 nights of MovieLens, and of the
nights of 20 households, was 14 spreads of its shuffles above them."""
SHUFFLES = 20
"""Enough for their spread to be known within a sixth."""
SEED = 0


@dataclass(frozen=True)
class Coherence:
    """How much closer the items of one user are than those of a shuffle of the night's items.

    `gain` is the mean product of the vectors of two items of one user, without what a shuffle has;
    `spread` the shuffles' standard deviation of that.
    """

    gain: float
    spread: float

    @property
    def spreads(self) -> float:
        """The gain, counted in spreads: near 0 for a night that was shuffled."""
        return self.gain / self.spread


def item_vectors(user: LongArray, item: LongArray) -> Matrix:
    """Of unit length, by who took what with what: shape (largest item + 1, size).

    `user` and `item` have shape (n,) with n at least 1; pairs may be repeated.
    """
    pairs = np.unique(np.stack((user, item)), axis=1)
    sizes = int(user.max()) + 1, int(item.max()) + 1
    history = Interactions(pairs[0].astype(np.int32), pairs[1].astype(np.int32), *sizes)
    _, _, vectors = singular_vectors(history, SIZE, normalisation=0.5)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float64)


def coherence(user: LongArray, item: LongArray, vectors: Matrix) -> Coherence | None:
    """Of one night's rows, `user` and `item` of shape (n,); items without a vector are left out.

    None where a shuffle changes nothing, so that nothing can be told.
    """
    known = item < len(vectors)
    user = np.unique(user[known], return_inverse=True)[1].astype(np.int64)
    there, item = np.unique(item[known], return_inverse=True)
    if len(there) < 2:
        return None
    # What is common to the night, as that all take what is popular, would drown the rest.
    centred = vectors[there] - vectors[there[item]].mean(axis=0)
    random = np.random.default_rng(SEED)
    shuffled = [_closeness(user, random.permutation(item), centred) for _ in range(SHUFFLES)]
    gain = _closeness(user, item, centred) - float(np.mean(shuffled))
    spread = float(np.std(shuffled, ddof=1))
    return Coherence(gain, spread) if spread > 0 else None


def _closeness(user: LongArray, item: LongArray, vectors: Matrix) -> float:
    """The mean product of vectors over all pairs of rows of one user with different items.

    The same item twice is left out, for a shuffle brings that about and people seldom do.
    """
    n_users = int(user.max()) + 1
    taken = vectors[item]
    sums = [np.bincount(user, column, n_users) for column in taken.T]
    pairs, times = np.unique(user * len(vectors) + item, return_counts=True)
    same = times**2 * (vectors**2).sum(axis=1)[pairs % len(vectors)]
    n = (np.bincount(user) ** 2).sum() - (times**2).sum()
    return float((np.square(sums).sum() - same.sum()) / n) if n else 0.0
