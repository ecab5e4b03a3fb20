"""Pairs and unseen items for pairwise losses, drawn for a whole epoch at once."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import Interactions, LongArray


class UnseenSampler:
    """Draws items that a user does not have, uniformly and exactly.

    The r-th item that user u lacks (r from 0) is r + #{j : s_j - j <= r}, where s_0 < s_1 < ... are
    the user's items; one binary search over all users' s_j - j answers it for every draw, with no
    rejection however long a history is.
    """

    def __init__(self, train: Interactions) -> None:
        user, item = np.divmod(train.keys, train.n_items)
        self._starts = train.offsets[:-1]
        self._stride = train.n_items + 1
        place = np.arange(len(train)) - self._starts[user]
        self._gaps = user * self._stride + item - place
        self.unseen = train.n_items - train.history_lengths
        """Number of items that each user lacks, shape (n_users,)."""

    def draw(self, users: LongArray, rng: np.random.Generator) -> LongArray:
        """One item for each entry of `users`, each of whom must lack at least one."""
        rank = rng.integers(0, self.unseen[users])
        below = np.searchsorted(self._gaps, users * self._stride + rank, side="right")
        return np.asarray(rank + below - self._starts[users], np.int64)


class TripleSampler:
    """Epochs of (user, item taken, item not taken): every pair once, in random order.

    Pairs of a user who has the whole catalogue are left out: there is nothing to compare with.
    """

    def __init__(self, train: Interactions, negatives: int) -> None:
        self._unseen = UnseenSampler(train)
        comparable = self._unseen.unseen[train.user] > 0
        self._users = train.user[comparable].astype(np.int64)
        self._items = train.item[comparable].astype(np.int64)
        self._negatives = negatives

    def epoch(self, rng: np.random.Generator) -> tuple[LongArray, LongArray, LongArray]:
        """Users (n,), items taken (n,) and items not taken (n, negatives)."""
        order = rng.permutation(len(self._users))
        # User by user: a search that goes on close to the last one finds its data in the cache.
        drawn = self._unseen.draw(np.repeat(self._users, self._negatives), rng)
        others = drawn.reshape(len(order), self._negatives)
        return self._users[order], self._items[order], others[order]
