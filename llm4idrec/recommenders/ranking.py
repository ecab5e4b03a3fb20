"""Full ranking over the catalogue, by chunks of users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from llm4idrec.data.interactions import IntArray, Interactions, LongArray

NO_ITEM = -1
"""Stands in a ranking where a user has no item left."""

_SCORES_A_CHUNK, _LEAST_USERS, _MAX_SCORES = 1 << 20, 128, 1 << 25
"""Chunks that fit a processor's cache; but with few users products with a whole catalogue take four
times as long, and 2**25 scores are 128 MiB."""


@torch.no_grad()
def rank_scores(
    score: Callable[[IntArray], Tensor],
    users: IntArray,
    k: int,
    *,
    seen: Interactions,
    n_items: int,
) -> IntArray:
    """The k items with the highest scores that are not in `seen`, shape (len(users), k).

    `score` gives a new tensor (n, n_items) for n of the users. Rows end in `NO_ITEM`.
    """
    best = np.full((len(users), k), NO_ITEM, np.int32)
    step = users_a_chunk(n_items)
    for start in range(0, len(users), step):
        chunk = users[start : start + step]
        scores = score(chunk)
        row, item = seen_places(chunk, seen, n_items)
        places = torch.from_numpy(row * n_items + item).to(scores.device)
        scores.view(-1)[places] = -torch.inf
        top = scores.topk(min(k, n_items))
        items = top.indices.masked_fill(top.values == -torch.inf, NO_ITEM)
        best[start : start + step, : items.shape[1]] = items.cpu().numpy()
    return best


def users_a_chunk(n_items: int) -> int:
    """How many users are ranked at a time, whatever the memory: it shapes the last bits."""
    least = min(_LEAST_USERS, _MAX_SCORES // n_items)
    return max(1, least, _SCORES_A_CHUNK // n_items)


def seen_places(users: IntArray, seen: Interactions, n_items: int) -> tuple[LongArray, LongArray]:
    """Row (place in `users`) and item of every pair in `seen`, items of the catalogue only.

    The items of a row stand in the order of `seen`.
    """
    starts = seen.offsets[users]
    lengths = seen.offsets[users + 1] - starts
    row = np.repeat(np.arange(len(users)), lengths)
    first = np.cumsum(lengths) - lengths
    item = seen.item[np.arange(len(row)) + (starts - first)[row]].astype(np.int64)
    known = item < n_items
    return row[known], item[known]


def as_rows(ranked: IntArray) -> pa.Table:
    """A ranking of all users, (n_users, k), with a row an item: user, item, and rank from 1."""
    user, place = np.nonzero(ranked != NO_ITEM)
    item, rank = ranked[user, place], place + 1
    return pa.table({"user": user, "item": item, "rank": rank}).cast(
        pa.schema([(name, pa.int32()) for name in ("user", "item", "rank")])
    )
