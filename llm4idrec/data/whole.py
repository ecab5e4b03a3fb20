"""Raw interactions of which nothing is held out, numbered as those of a split are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.artifacts import IDENTIFIERS, INTERACTIONS, KNOWN
from llm4idrec.config import DataConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.population import k_core, long_enough, sampled
from llm4idrec.data.protocol import write_protocol
from llm4idrec.data.rows import Ids, distinct_pairs
from llm4idrec.data.source import Source
from llm4idrec.runtime.files import replacing_folder


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


def write_whole(raw: pa.Table, data: DataConfig, folder: Path, *, seed: int, protocol: str) -> None:
    """Into `folder`, what the stage `prepare` writes of what is known: all interactions of all
    users, and the own IDs of their numbers; `protocol` says whether lists are in the order of time.

    Users of short histories and rare items are left out as `data` says, and repeated pairs; nothing
    of the rows is refused. Raises `InputError` if nothing is left.
    """
    lenient = {"drop_short_histories": True, "sample_users": 1.0, "duplicates": "drop"}
    whole = Whole.of(raw, data.model_copy(update=lenient), seed)
    with replacing_folder(folder / IDENTIFIERS.name) as identifiers:
        pq.write_table(whole.users, identifiers / "users.parquet")
        pq.write_table(whole.items, identifiers / "items.parquet")
    with replacing_folder(folder / KNOWN.name) as known:
        whole.interactions.write(known / INTERACTIONS)
        write_protocol(known, protocol)


def _numbers(chosen: LongArray, size: int) -> IntArray:
    """Of each place among the sorted IDs, (size,); the `chosen` ones have one."""
    numbers = np.zeros(size, np.int32)
    numbers[chosen] = np.arange(len(chosen))
    return numbers
