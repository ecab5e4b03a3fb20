"""Windows over histories, for many users at once."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import IntArray, LongArray


def latest(
    items: IntArray | LongArray, first: LongArray, end: LongArray, *, width: int
) -> LongArray:
    """The last `width` of `items[first:end]` in each row, shape (n, width), -1 in front."""
    place = end[:, None] + np.arange(-width, 0)
    inside = place >= first[:, None]
    if not len(items):
        return np.full(place.shape, -1)
    return np.where(inside, items[np.where(inside, place, 0)].astype(np.int64), -1)


def fill_up(ranked: LongArray, row: LongArray, item: LongArray, *, popular: LongArray) -> LongArray:
    """Each row's items, then the rest of `popular` in order, without those taken.

    `ranked` (n, k) ends in -1 where a row is short; (`row`, `item`) are pairs that must not be
    used. Rows stay short only where no other item is left.
    """
    short = np.flatnonzero(ranked[:, -1] < 0) if ranked.shape[1] else np.zeros(0, np.int64)
    if not len(short):
        return ranked
    place = np.full(len(ranked), -1)
    place[short] = np.arange(len(short))
    blocked = np.zeros((len(short), len(popular) + 1), np.bool_)
    mine = place[row] >= 0
    blocked[place[row[mine]], item[mine]] = True
    np.put_along_axis(blocked, ranked[short], True, axis=1)  # -1 marks the extra column
    free = ~blocked[:, popular]
    have = (ranked[short] >= 0).sum(1)
    column = have[:, None] + free.cumsum(1) - 1
    r, c = np.nonzero(free & (column < ranked.shape[1]))
    filled = ranked.copy()
    filled[short[r], column[r, c]] = popular[c]
    return filled
