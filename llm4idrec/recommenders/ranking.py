"""Full ranking over the catalogue, by chunks of users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from llm4idrec.interactions import IntArray, Interactions, LongArray

NO_ITEM = -1
"""Stands in a ranking where a user has no item left."""

_SCORES_A_CHUNK = 1 << 20
_BLOCK = 32


@torch.no_grad()
def rank_scores(
    score: Callable[[IntArray], Tensor], users: IntArray, k: int, seen: Interactions, n_items: int
) -> IntArray:
    """The k items with the highest scores that are not in `seen`, shape (len(users), k).

    `score` gives a new tensor (n, n_items) for n of the users. Rows end in `NO_ITEM`.
    """
    best = np.full((len(users), k), NO_ITEM, np.int32)
    step = max(1, _SCORES_A_CHUNK // n_items)
    for start in range(0, len(users), step):
        chunk = users[start : start + step]
        scores = score(chunk)
        row, item = seen_places(chunk, seen, n_items)
        places = torch.from_numpy(row * n_items + item).to(scores.device)
        scores.view(-1)[places] = -torch.inf
        values, items = top_items(scores, min(k, n_items))
        items = items.masked_fill(values == -torch.inf, NO_ITEM)
        best[start : start + step, : items.shape[1]] = items.cpu().numpy()
    return best


def top_items(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k highest scores of each row (n, m) and their columns, both (n, k), best first.

    The k highest lie in the k blocks of columns with the highest maxima, and maxima are found much
    faster than an order. A block is every so-manyth column.
    """
    blocks = scores.shape[1] // _BLOCK
    if blocks <= k:
        return scores.topk(k)
    head, tail = scores.tensor_split([blocks * _BLOCK], 1)
    columns = torch.arange(scores.shape[1], device=scores.device)
    table = head.view(-1, _BLOCK, blocks)
    best = table.amax(1).topk(k, sorted=False).indices[:, None]
    inside = table.gather(2, best.expand(-1, _BLOCK, -1)).flatten(1)
    of_inside = (best + columns[: len(columns) - tail.shape[1] : blocks, None]).flatten(1)
    of_tail = columns[blocks * _BLOCK :].expand(len(scores), -1)
    top = torch.cat((inside, tail), 1).topk(k)
    return top.values, torch.cat((of_inside, of_tail), 1).gather(1, top.indices)


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
