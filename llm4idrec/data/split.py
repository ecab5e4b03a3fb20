"""Raw interactions -> train, validation and test, renumbered so that IDs carry no information.

The steps: repeated pairs, user sampling, hold-out, k-core of train, numbering; a random split has
the k-core of everything before the hold-out. The order of lines in the file matters only between
equal times, and without time to say which of repeated pairs is first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.choice import divided
from llm4idrec.data.division import Division, Pool
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.probe import successor_probe
from llm4idrec.data.protocol import AUTO, GLOBAL_TIME, LEAVE_LAST_OUT, RANDOM
from llm4idrec.data.rows import Ids, Rows, distinct_pairs
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError


@dataclass(frozen=True)
class Split:
    """The parts of the data, and counts of what became of the rest.

    Users have numbers 0..n_users-1 in every part, each with at least one train item. The items of
    train, the catalogue, have numbers 0..train.n_items-1; items only in `valid` or `test` follow.
    Numbers are drawn at random; row k of `users` and `items` (one string column `id`) is number k.
    """

    train: Interactions
    valid: Interactions
    test: Interactions
    users: pa.Table
    items: pa.Table
    protocol: str
    """The one that was taken, never auto."""
    summary: dict[str, float]


def split_raw(
    train: pa.Table, test: pa.Table | None, *, data: DataConfig, split: SplitConfig, seed: int
) -> Split:
    """Split what `read_file` gave; the same interactions and seed give the same bytes.

    With a `test` table the protocol holds out the validation only. Held-out pairs of users that
    have no train item, and test pairs that stand in the train table, are left out and counted.

    Raises `InputError` for repeated pairs that are refused, a protocol that the data cannot
    follow, users with fewer than `data.min_history` items or too few to be split, a test set that
    `train` hardly knows, parts that are empty, and too few test users behind a global cut.
    """
    require_protocol(data, split)
    ids = Ids.of(train, test)
    source = Source.of(train, data.train_file)
    read = ids.rows(train)
    once = distinct_pairs(read, ids, data=data, source=source)
    pool = Pool(train=train, test=test, rows=once, ids=ids, source=source, data=data, seed=seed)
    division = divided(pool, split)
    for warning in division.warnings:
        print(warning, file=sys.stderr)
    summary = source.left_out() | _counts(read, once) | division.counts
    summary["by_time"] = int(division.protocol != RANDOM)
    numbering = np.random.default_rng(seed).spawn(3)[2]  # the others are for `divide`
    return _numbered(division, ids, summary, rng=numbering)


def require_protocol(data: DataConfig, split: SplitConfig) -> None:
    """Raises `InputError` for a protocol that data of this kind cannot follow."""
    if not data.test and split.protocol != LEAVE_LAST_OUT and split.valid + split.test >= 1:
        raise InputError(
            f"split.valid + split.test is {split.valid + split.test:g}",
            "less than 1",
            "leave a share for train",
        )
    if split.protocol not in (AUTO, RANDOM) and not data.has_time:
        raise InputError(
            f"split.protocol is {split.protocol}, but there is no time",
            "the time of each interaction",
            "name its column in data.timestamp, or set split.protocol to random or auto",
            file=data.train_file,
        )
    if split.protocol == GLOBAL_TIME and data.format.endswith("_sequential"):
        raise InputError(
            f"split.protocol is global_time, but {data.format} gives only each user's order",
            "random, user_time or leave_last_out",
            file=data.train_file,
        )


def _counts(read: Rows, once: Rows) -> dict[str, float]:
    return {
        "pairs_read": len(read),
        "users_read": len(read.users),
        "items_read": len(read.items),
        "duplicates_dropped": len(read) - len(once),
    }


def _numbered(
    division: Division, ids: Ids, summary: dict[str, float], *, rng: np.random.Generator
) -> Split:
    """Draw the numbers: users, then the catalogue, then the items outside it."""
    parts = division.parts
    users = rng.permutation(parts["train"].users)
    catalogue = rng.permutation(parts["train"].items)
    heldout = np.union1d(parts["valid"].items, parts["test"].items)
    outside = np.setdiff1d(heldout, catalogue)
    items = np.concatenate((catalogue, rng.permutation(outside)))
    user_number, item_number = _inverse(users, len(ids.user)), _inverse(items, len(ids.item))
    tables = {
        name: Interactions(
            user_number[rows.user],
            item_number[rows.item],
            len(users),
            len(catalogue) if name == "train" else len(items),
            rows.time,
        )
        for name, rows in parts.items()
    }
    names = ids.item.take(pa.array(items))
    probe = successor_probe(tables["train"], tables["valid"], names)
    return Split(
        **tables,
        protocol=division.protocol,
        users=pa.table({"id": ids.user.take(pa.array(users))}),
        items=pa.table({"id": names}),
        summary=summary | _sizes(tables) | probe,
    )


def _inverse(chosen: LongArray, size: int) -> IntArray:
    """Place -> number, -1 where the ID is not chosen."""
    number = np.full(size, -1, np.int32)
    number[chosen] = np.arange(len(chosen))
    return number


def _sizes(tables: dict[str, Interactions]) -> dict[str, float]:
    train = tables["train"]
    sizes: dict[str, float] = {"users": train.n_users, "catalogue_items": train.n_items}
    for name, table in tables.items():
        sizes[f"{name}_pairs"] = len(table)
        sizes[f"{name}_users"] = int(np.count_nonzero(table.history_lengths))
        sizes[f"{name}_items"] = int(np.count_nonzero(table.item_counts))
        if name != "train":
            known = table.item < train.n_items
            sizes[f"{name}_pairs_outside_catalogue"] = int((~known).sum())
            sizes[f"{name}_users_in_catalogue"] = len(np.unique(table.user[known]))
    return sizes | {"density": len(train) / (train.n_users * train.n_items)}
