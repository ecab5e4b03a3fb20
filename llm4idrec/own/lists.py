"""Rankings as lists of items that were made without knowing what is left out."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.ordering import stable_order
from llm4idrec.recommenders.ranking import NO_ITEM, users_a_chunk


def as_ranking(user: LongArray, item: LongArray, n_users: int) -> IntArray:
    """The items of each user, in the order of the rows: (n_users, longest list); rows end in
    `NO_ITEM`."""
    order = stable_order(user, n_users)
    user = user[order]
    place = np.arange(len(user)) - np.searchsorted(user, user)
    ranking = np.full((n_users, place.max(initial=0) + 1), NO_ITEM, np.int32)
    ranking[user, place] = item[order]
    return ranking


def first_unseen(lists: IntArray, users: IntArray, k: int, *, seen: Interactions) -> IntArray:
    """The first k of each user's list, a row of `lists`, that are not in `seen`: (len(users), k),
    rows end in `NO_ITEM`."""
    ranked = np.full((len(users), k), NO_ITEM, np.int32)
    step = users_a_chunk(lists.shape[1])
    for start in range(0, len(users), step):
        chunk = users[start : start + step]
        items = lists[chunk]
        out = (items == NO_ITEM) | seen.contains(chunk.astype(np.int64)[:, None], items)
        order = np.argsort(out, axis=1, kind="stable")[:, :k]
        kept = np.take_along_axis(np.where(out, NO_ITEM, items), order, axis=1)
        ranked[start : start + step, : kept.shape[1]] = kept
    return ranked


def repeats(numbers: LongArray) -> LongArray:
    """Places, ascending, of all numbers that stand further up already."""
    first = np.unique(numbers, return_index=True)[1]
    again = np.ones(len(numbers), np.bool_)
    again[first] = False
    return np.flatnonzero(again)
