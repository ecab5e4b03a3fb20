"""Where generated items, which have no time, stand in a history that has one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llm4idrec.config import Placement
from llm4idrec.data.interactions import IntArray, Interactions, LongArray


def place_generated(
    original: Interactions, user: npt.ArrayLike, item: npt.ArrayLike, *, placement: Placement
) -> Interactions:
    """The original interactions and the generated ones, with times 0, 1, 2... in each user's list.

    `user` and `item`, both (n,), are generated pairs, the best first within a user; a pair that
    `original` has stays what it is. The originals keep their order:

    - before: the generated are the oldest, the best next to the first original.
    - spread: they stand at even distances between the first original and the last, the best
      latest; before a lone original.
    - after: they are the latest, the best right behind the last original.

    Without a time in `original` there is none in the result; without a generated pair the result is
    `original`. Raises `ValueError` on a repeated pair, or one outside the catalogue.
    """
    users, items = np.asarray(user, np.int32), np.asarray(item, np.int32)
    if not len(users):
        return original
    Interactions(users, items, original.n_users, original.n_items)  # a check of range and repeats
    order = np.argsort(users, kind="stable")
    fresh = order[~original.contains(users[order], items[order])]
    users, items = users[fresh], items[fresh]
    if original.timestamp is None:
        return original.union(users, items)
    rank = np.arange(len(users)) - np.searchsorted(users, users)
    key = np.concatenate(
        [
            np.arange(len(original)) - original.offsets[original.user],
            _key(original.history_lengths[users], users, rank, placement=placement),
        ]
    )
    # A generated item on the very place of an original stands before it.
    tie = np.concatenate([np.zeros(len(original), np.int64), -1 - rank])
    everyone = np.concatenate([original.user, users])
    by_time = np.lexsort((tie, key, everyone))
    everyone = everyone[by_time]
    return Interactions(
        everyone,
        np.concatenate([original.item, items])[by_time],
        original.n_users,
        original.n_items,
        np.arange(len(everyone)) - np.searchsorted(everyone, everyone),
    )


def _key(
    length: LongArray, user: IntArray, rank: LongArray, *, placement: Placement
) -> npt.NDArray[np.floating]:
    """Where each generated item goes on the scale of the originals' places 0 to length - 1."""
    if placement == "before":
        return -1.0 - rank
    if placement == "after":
        return length + 0.0 + rank
    count = np.bincount(user)[user]
    return (count - rank) / (count + 1) * np.maximum(length - 1, 0)
