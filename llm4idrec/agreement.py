"""How high an item-item model of the train set ranks a user's candidates."""

from __future__ import annotations

import numpy as np

from llm4idrec.interactions import IntArray, Interactions
from llm4idrec.recommenders.config import EASEConfig
from llm4idrec.recommenders.ease import EASE

BEST = 1000
"""Unseen items of a user that are ranked; the rank of every other."""

_PLACES_A_CHUNK = 1 << 24


class Agreement:
    """EASE, fitted on `train`, as a second opinion on what somebody else proposes."""

    def __init__(self, train: Interactions, settings: EASEConfig) -> None:
        """Raises `InputError` if EASE cannot be fitted (`EASE.learn`)."""
        self._train = train
        self._model = EASE(settings)
        self._model.learn(train)

    def ranks(self, user: IntArray, item: IntArray) -> IntArray:
        """The rank of each unseen item among its user's unseen items, from 0, at most `BEST`; (n,).

        `user` is ascending; both are (n,).
        """
        ranks = np.empty(len(user), np.int32)
        users, starts = np.unique(user, return_index=True)
        ends = np.append(starts[1:], len(user))
        step = max(1, _PLACES_A_CHUNK // self._train.n_items)
        for first in range(0, len(users), step):
            chunk = users[first : first + step]
            rows = slice(starts[first], ends[first + len(chunk) - 1])
            ranked = self._model.recommend(chunk, BEST, self._train)
            # One column more than items: NO_ITEM, which is -1, is put there.
            places = np.full((len(chunk), self._train.n_items + 1), BEST, np.int32)
            np.put_along_axis(places, ranked, np.arange(BEST, dtype=np.int32)[None], axis=1)
            ranks[rows] = places[np.searchsorted(chunk, user[rows]), item[rows]]
        return ranks
