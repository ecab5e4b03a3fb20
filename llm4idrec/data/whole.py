"""Raw interactions of which nothing is held out, numbered as those of a split are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.config import DataConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.population import k_core, long_enough, sampled
from llm4idrec.data.rows import Ids, distinct_pairs
from llm4idrec.data.source import Source


@dataclass(frozen=True)
class Whole:
    """All interactions; row k of `users` and `items` (one string column `id`) is number k."""

    interactions: Interactions
    users: pa.Table
    items: pa.Table

    @classmethod
    def of(cls, raw: pa.Table, data: DataConfig, seed: int) -> Whole:
        """What `read_file` gave, without repeated pairs and, as `data` says, without users of short
        histories, and outside of the k-core. The same interactions and seed give the same numbers.

        Raises `InputError` for repeated pairs that are refused, users with fewer than
        `data.min_history` items, and if nothing is left.
        """
        ids, source = Ids.of(raw, None), Source.of(raw, data.train_file)
        once = distinct_pairs(ids.rows(raw), ids, data=data, source=source)
        long = long_enough(once, ids, 1, data=data, source=source)
        sampling, numbering = np.random.default_rng(seed).spawn(2)
        rows = k_core(sampled(long, data.sample_users, sampling), data)
        users, items = numbering.permutation(rows.users), numbering.permutation(rows.items)
        return cls(
            Interactions(
                _numbers(users, len(ids.user))[rows.user],
                _numbers(items, len(ids.item))[rows.item],
                len(users),
                len(items),
                rows.time,
            ),
            users=pa.table({"id": ids.user.take(pa.array(users))}),
            items=pa.table({"id": ids.item.take(pa.array(items))}),
        )


def _numbers(chosen: LongArray, size: int) -> IntArray:
    """Of each place among the sorted IDs, (size,); the `chosen` ones have one."""
    numbers = np.zeros(size, np.int32)
    numbers[chosen] = np.arange(len(chosen))
    return numbers
