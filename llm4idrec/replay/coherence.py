"""Whether what one user takes in a night goes together, more than after a shuffle of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.nn.factorisation import Matrix, singular_vectors

SIZE = 16
"""Dimensions of the items' vectors: with these, ordinary nights of 20 households, or of MovieLens
with 750 rows, were clear of their shuffles."""
LATEST = 200_000
"""Rows that the vectors are made of: more tell hardly more, and take minutes of a replay."""
HEAVY = 30
"""Rows above which a user weighs no more: else one who rates a thousand films decides, and what is
ordinary varies by a factor of four."""
SHUFFLES = 20
"""Enough for their spread to be known within a sixth."""
SEED = 0


@dataclass(frozen=True)
class Coherence:
    """How much closer the items of one user are than those of a shuffle of the night's items.

    `gain` is the mean product of the vectors of two items of one user, less that of the shuffles;
    `spread` is their standard deviation.
    """

    gain: float
    spread: float

    @property
    def spreads(self) -> float:
        """The gain, counted in spreads: near 0 for a night that was shuffled."""
        return self.gain / self.spread


def item_vectors(user: LongArray, item: LongArray) -> Matrix:
    """By who took what with what: shape (largest item + 1, size), of unit length.

    `user` and `item` have shape (n,), latest last, n at least 1; pairs may be repeated. An item
    that is not among the latest has zeros.
    """
    user, item = user[-LATEST:], item[-LATEST:]
    n_users, n_items = int(user.max()) + 1, int(item.max()) + 1
    users, items = np.divmod(np.unique(user * n_items + item), n_items)
    history = Interactions(users.astype(np.int32), items.astype(np.int32), n_users, n_items)
    _, _, vectors = singular_vectors(history, SIZE, normalisation=0.5)
    lengths = np.linalg.norm(vectors, axis=1)
    lengths[(history.item_counts == 0) | (lengths == 0)] = np.inf
    return np.asarray(vectors / lengths[:, None], np.float64)


def coherence(user: LongArray, item: LongArray, vectors: Matrix) -> Coherence | None:
    """Of one night's rows, `user` and `item` of shape (n,); items without a vector are left out.

    None where a shuffle changes nothing, so that nothing can be told.
    """
    has_vector = np.append(vectors.any(axis=1), False)
    known = has_vector[np.minimum(item, len(vectors))]
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
    """The mean over users of the mean product of the vectors of two of the user's rows.

    The same item twice is left out, for a shuffle brings that about and people seldom do.
    """
    n_users, n_items = int(user.max()) + 1, len(vectors)
    sums = np.stack([np.bincount(user, column, n_users) for column in vectors[item].T])
    pairs, times = np.unique(user * n_items + item, return_counts=True)
    of_user, of_item = np.divmod(pairs, n_items)
    same = np.bincount(of_user, times**2 * np.square(vectors).sum(axis=1)[of_item], n_users)
    rows = np.bincount(user, minlength=n_users)
    n = rows**2 - np.bincount(of_user, times**2, n_users)
    weights = np.where(n > 0, np.minimum(rows, HEAVY), 0)
    products = (np.square(sums).sum(axis=0) - same) / np.maximum(n, 1)
    return float((weights * products).sum() / max(weights.sum(), 1))
