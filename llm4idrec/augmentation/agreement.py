"""How high an item-item model of what is known ranks a user's candidates."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from llm4idrec.config.recommenders import EASEConfig, ItemKNNConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.recommenders.item_based.ease import EASE, LARGEST_CATALOGUE
from llm4idrec.recommenders.item_based.history import history_matrix
from llm4idrec.recommenders.item_based.itemknn import similar_items
from llm4idrec.recommenders.ranking import seen_places

BEST = 1000
"""Unseen items of a user that are ranked; the rank of every other."""
NEIGHBOURS = ItemKNNConfig(neighbours=50)
"""Of the model that stands in for EASE where its matrix would be too large."""

_PLACES_A_CHUNK = 1 << 22
WORKING_BYTES = 24 * _PLACES_A_CHUNK
"""What ranking a chunk takes, roughly, however many candidates there are."""


class Agreement:
    """An item-item model, fitted on `train`, as a second opinion on what somebody else proposes.

    EASE; for a catalogue of more than `LARGEST_CATALOGUE` items ItemKNN, whose memory and time grow
    with the pairs and not with the square of the items.
    """

    def __init__(self, train: Interactions, settings: EASEConfig) -> None:
        """Raises `InputError` if EASE cannot be fitted (`EASE.learn`)."""
        self._n_items = train.n_items
        large = train.n_items > LARGEST_CATALOGUE
        self._model: _Model = _ItemKNNRanks(train) if large else _EASERanks(train, settings)

    def ranks(self, user: IntArray, item: IntArray) -> IntArray:
        """The rank of each unseen item among its user's unseen items, from 0, at most `BEST`; (n,).

        `user` is ascending; both are (n,).
        """
        ranks = np.empty(len(user), np.int32)
        starts = np.flatnonzero(np.diff(user, prepend=-1))
        users, ends = user[starts], np.append(starts, len(user))
        step = max(1, _PLACES_A_CHUNK // self._n_items)
        for first in range(0, len(users), step):
            chunk = users[first : first + step]
            rows = slice(ends[first], ends[first + len(chunk)])
            row = np.searchsorted(chunk, user[rows])
            ranks[rows] = self._model.ranks(chunk, row, item[rows])
        return ranks


class _Model(Protocol):
    def ranks(self, users: IntArray, row: LongArray, item: IntArray) -> IntArray:
        """As `Agreement.ranks`, of the user that stands at place `row` in `users`."""


class _EASERanks:
    def __init__(self, train: Interactions, settings: EASEConfig) -> None:
        self._train = train
        self._model = EASE(settings)
        self._model.learn(train)

    def ranks(self, users: IntArray, row: LongArray, item: IntArray) -> IntArray:
        ranked = self._model.recommend(users, BEST, self._train)
        # From the list of the best to the place of any item, so that a look-up is one index.
        # One column more than items: NO_ITEM, which is -1, is put there.
        places = np.full((len(users), self._train.n_items + 1), BEST, np.int32)
        np.put_along_axis(places, ranked, np.arange(BEST, dtype=np.int32)[None], axis=1)
        return np.asarray(places[row, item], np.int32)


class _ItemKNNRanks:
    """Items that are similar to nothing in the history have the rank `BEST`; equal scores share
    theirs."""

    def __init__(self, train: Interactions) -> None:
        self._train = train
        self._histories = history_matrix(train)
        similar = similar_items(self._histories, NEIGHBOURS.neighbours, NEIGHBOURS.shrinkage)
        self._similar = similar.T.tocsr()

    def ranks(self, users: IntArray, row: LongArray, item: IntArray) -> IntArray:
        n_items = self._train.n_items
        scores = self._histories[users] @ self._similar
        # Items that share a neighbour with the history, a few hundred of a user: ranking these and
        # not the catalogue is what makes it grow with the pairs.
        ends = scores.indptr
        scored = np.repeat(np.arange(len(users)), np.diff(ends))
        place = scored * n_items + scores.indices
        dense = np.zeros(len(users) * n_items, np.float32)
        dense[place] = scores.data
        seen, its = seen_places(users, self._train, n_items)
        dense[seen * n_items + its] = 0
        wanted, others = dense[row * n_items + item], -dense[place]
        for start, end in pairwise(ends):  # rows of few numbers each: a sixth of one long sort
            others[start:end].sort()
        # One binary search for all users: a key sorts by user first, then by score, best first.
        ranks = np.searchsorted(_keys(scored, others), _keys(row, -wanted)) - ends[row]
        return np.where(wanted > 0, np.minimum(ranks, BEST), BEST).astype(np.int32)


def _keys(row: LongArray, number: npt.NDArray[np.float32]) -> LongArray:
    """Whole numbers that sort by row, then by a number that is 0 or less, as its bits do."""
    return (np.asarray(row, np.int64) << 32) - (-number).view(np.int32)
