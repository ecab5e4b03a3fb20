"""Item indices: the string that stands for each item in a prompt, made from the train set only."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import Interactions, LongArray


def random_index(n_items: int, rng: np.random.Generator) -> list[str]:
    """Random distinct numbers (random indexing, RID, of Hua et al. 2023)."""
    return numbers(rng.permutation(n_items))


def sequential_index(train: Interactions) -> list[str]:
    """Numbers in order of appearance, user after user, each in time order (SID, the same paper).

    Items of the catalogue that nobody has follow in their order.
    """
    items, first = np.unique(train.item, return_index=True)
    rank = np.full(train.n_items, len(train))
    rank[items] = first
    order = np.argsort(rank, kind="stable")
    return numbers(np.argsort(order))


def numbers(rank: LongArray) -> list[str]:
    """Decimal numbers of equal length without leading zeros, such as 10000 to 22100."""
    first = 1
    while 9 * first < len(rank):
        first *= 10
    return [str(number) for number in (rank + first).tolist()]
