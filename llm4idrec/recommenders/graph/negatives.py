"""Pairs and unseen items for pairwise losses, drawn for a whole epoch at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from llm4idrec.data.interactions import IntArray, Interactions, LongArray

_MARKS_A_PAIR = 8
"""Bytes a pair, at least; at most one draw in so many is looked up in vain."""


class UnseenSampler:
    """Draws items that a user does not have, uniformly and exactly.

    An item is drawn from the catalogue, and if the user has it, another from those that the user
    lacks: never a second rejection, however long a history is. The r-th item that user u lacks
    (r from 0) is r + #{j : s_j - j <= r}, where s_0 < s_1 < ... are the user's items; one binary
    search over all users' s_j - j answers it.
    """

    def __init__(self, train: Interactions) -> None:
        user, item = np.divmod(train.keys, train.n_items)
        self._train = train
        self._starts = train.offsets[:-1]
        self._stride = train.n_items + 1
        place = np.arange(len(train)) - self._starts[user]
        self._gaps = user * self._stride + item - place
        # Most draws need no search: no pair's key ends in the same bits as theirs.
        self._last_bits = (1 << (_MARKS_A_PAIR * len(train)).bit_length()) - 1
        self._marked = np.zeros(self._last_bits + 1, np.bool_)
        self._marked[train.keys & self._last_bits] = True
        self.unseen = train.n_items - train.history_lengths
        """Number of items that each user lacks, shape (n_users,)."""

    def draw(self, users: LongArray, rng: np.random.Generator) -> LongArray:
        """One item for each entry of `users`, each of whom must lack at least one."""
        items = rng.integers(0, self._train.n_items, len(users))
        keys = users * self._train.n_items + items
        marked = np.flatnonzero(self._marked[keys & self._last_bits])
        taken = marked[self._train.contains(users[marked], items[marked])]
        items[taken] = self._draw_lacking(users[taken], rng)
        return items

    def _draw_lacking(self, users: LongArray, rng: np.random.Generator) -> LongArray:
        rank = rng.integers(0, self.unseen[users])
        below = np.searchsorted(self._gaps, users * self._stride + rank, side="right")
        return np.asarray(rank + below - self._starts[users], np.int64)


class TripleSampler:
    """Epochs of (user, item taken, items not taken): every pair once, in random batches.

    Pairs of a user who has the whole catalogue are left out: there is nothing to compare with.
    """

    def __init__(self, train: Interactions, negatives: int) -> None:
        self._unseen = UnseenSampler(train)
        comparable = self._unseen.unseen[train.user] > 0
        self._users = train.user[comparable].astype(np.int64)
        self._items = np.empty((len(self._users), 1 + negatives), np.int32)
        self._items[:, 0] = train.item[comparable]

    def __len__(self) -> int:
        return len(self._users)

    def epoch(
        self, rng: np.random.Generator, batch_size: int
    ) -> Iterator[tuple[LongArray, IntArray]]:
        """Users (n,), ascending, and their items (n, 1 + negatives), the one taken first."""
        order = rng.permutation(len(self))
        # User by user: a search that goes on close to the last one finds its data in the cache.
        negatives = self._items.shape[1] - 1
        drawn = self._unseen.draw(np.repeat(self._users, negatives), rng)
        self._items[:, 1:] = drawn.reshape(len(self), negatives)
        for start in range(0, len(self), batch_size):
            batch = np.sort(order[start : start + batch_size])
            yield self._users[batch], self._items[batch]
