"""Raw interactions -> train, validation and test, renumbered so that IDs carry no information.

The steps: repeated pairs, user sampling, k-core, hold-out, numbering. The order of lines in the
file matters only between equal times, and without time to say which of repeated pairs is first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.config.data import LEAVE_OUT
from llm4idrec.data.holdout import (
    TEST,
    TRAIN,
    VALID,
    PartArray,
    global_time,
    leave_last_out,
    random_shares,
)
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.kcore import in_k_core
from llm4idrec.data.overlap import pairs_in_train, removed_by_k_core, unknown_ids
from llm4idrec.data.probe import successor_probe
from llm4idrec.data.rows import Ids, Rows, distinct_pairs
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError

PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}


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
    summary: dict[str, float]


def split_raw(
    train: pa.Table, test: pa.Table | None, *, data: DataConfig, split: SplitConfig, seed: int
) -> Split:
    """Split what `read_file` gave; the same interactions and seed give the same bytes.

    With a `test` table the protocol holds out the validation only. Held-out pairs of users that
    have no train item, and test pairs that stand in the train table, are left out and counted.

    Raises `InputError` for repeated pairs that are refused, a protocol that the data cannot
    follow, users with fewer than `data.min_history` items or too few to be split, a test set that
    `train` hardly knows, and parts that are empty.
    """
    require_protocol(data, split)
    sampling, holding, numbering = np.random.default_rng(seed).spawn(3)
    ids = Ids.of(train, test)
    source = Source.of(train, data.train_file)
    read = ids.rows(train)
    once = distinct_pairs(read, ids, data=data, source=source)
    long = _long_enough(once, ids, _fewest(test, split), data=data, source=source)
    sampled = _sampled(long, data.sample_users, sampling)
    core = _core(sampled, ids, _fewest(test, split), data=data, source=source)
    part = _hold_out(core, split, holding, test=test is None)
    parts = {name: core.take(part == label) for name, label in PARTS.items()}
    summary = _left_out("", source) | _counts(read=read, once=once, sampled=sampled, core=core)
    warnings = []
    if data.drop_short_histories:
        users, pairs = len(once.users) - len(long.users), len(once) - len(long)
        summary |= {"users_removed_by_min_history": users, "pairs_removed_by_min_history": pairs}
        warnings.append(f"data.drop_short_histories: {users} users with {pairs} pairs left out")
    if test is not None:
        parts["test"], counts = _given_test(test, core, ids, data=data)
        summary |= counts
        warnings += unknown_ids(train, test, data)
        warnings += pairs_in_train(counts, data)
        warnings += removed_by_k_core(ids.rows(test), sampled, core, data=data)
    parts, counts = _of_train_users(parts, core)
    for warning in warnings:
        print(warning, file=sys.stderr)
    return _numbered(parts, ids, summary | counts, rng=numbering)


def _long_enough(rows: Rows, ids: Ids, fewest: int, *, data: DataConfig, source: Source) -> Rows:
    """The rows of users with enough of them; others are refused, or if `data` says so left out.

    `fewest` is how many a user must have to be split. For messages `ids` are the IDs of the rows,
    and `source` is where these stand.
    """
    if not data.drop_short_histories:
        least, purpose = data.min_history, "data.min_history"
        _require_history(rows, ids, least, purpose=purpose, remedy=LEAVE_OUT, source=source)
        return rows
    least = max(data.min_history, fewest)
    long = rows.take(np.bincount(rows.user)[rows.user] >= least)
    if not len(long):
        expected, remedy = "some, as data.min_history says", "lower data.min_history"
        if least == fewest:
            expected = "one each for train, validation and test, whatever data.min_history says"
            remedy = "take longer histories, or set split.protocol to global_time"
        raise InputError(
            f"no user has {least} interactions", expected, remedy, file=data.train_file
        )
    return long


def _core(rows: Rows, ids: Ids, fewest: int, *, data: DataConfig, source: Source) -> Rows:
    """The k-core of `rows`, as `data` sets k; `fewest`, `ids` and `source` are as in
    `_long_enough`: every user can be split."""
    history = fewest if data.drop_short_histories else 0
    core = rows.take(in_k_core(rows.user, rows.item, data.k_core, history=history))
    if not len(core):
        raise InputError(
            f"no interaction is left in the {data.k_core}-core",
            "some",
            "lower data.k_core or raise data.sample_users",
            file=data.train_file,
        )
    remedy = "set data.drop_short_histories to true, or data.k_core to 3 or more"
    purpose = "one each for train, validation and test"
    _require_history(core, ids, fewest, purpose=purpose, remedy=remedy, source=source)
    return core


def _fewest(test: pa.Table | None, split: SplitConfig) -> int:
    """Interactions that a user must have to be split."""
    return 3 if test is None and split.protocol != "global_time" else 1


def require_protocol(data: DataConfig, split: SplitConfig) -> None:
    """Raises `InputError` for a protocol that data of this kind cannot follow."""
    if not data.test and split.protocol != "leave_last_out" and split.valid + split.test >= 1:
        raise InputError(
            f"split.valid + split.test is {split.valid + split.test:g}",
            "less than 1",
            "leave a share for train",
        )
    if split.protocol != "random" and not data.has_time:
        raise InputError(
            f"split.protocol is {split.protocol}, but there is no time",
            "the time of each interaction",
            "name its column in data.timestamp, or set split.protocol to random",
            file=data.train_file,
        )
    if split.protocol == "global_time" and data.format.endswith("_sequential"):
        raise InputError(
            f"split.protocol is global_time, but {data.format} gives only each user's order",
            "random or leave_last_out",
            file=data.train_file,
        )


def _sampled(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    if share == 1:
        return rows
    users = rows.users
    drawn = rng.choice(users, max(1, round(share * len(users))), replace=False)
    return rows.take(np.isin(rows.user, drawn))


def _require_history(
    rows: Rows, ids: Ids, least: int, *, purpose: str, remedy: str, source: Source
) -> None:
    """Every user has `least` rows; else `InputError` names the one that comes first in the file.

    It says for which `purpose` they are needed, and the `remedy`; `ids` are the IDs of the rows,
    and `source` is where these stand.
    """
    history = np.bincount(rows.user)
    short = np.flatnonzero(history[rows.user] < least)
    if not len(short):
        return
    first = short[np.argmin(rows.line[short])]
    user = rows.user[first]
    raise InputError(
        f"user {ids.user[user].as_py()!r} has {history[user]} "
        f"interaction{'s' if history[user] > 1 else ''}",
        f"at least {least} ({purpose})",
        remedy,
        **source.place(int(rows.line[first])),
    )


def _hold_out(rows: Rows, split: SplitConfig, rng: np.random.Generator, *, test: bool) -> PartArray:
    test_share = split.test if test else 0.0
    if split.protocol == "random":
        return random_shares(rows.user, split.valid, test_share, rng=rng)
    if rows.time is None:
        raise ValueError("rows have no time, expected one for this protocol")
    if split.protocol == "leave_last_out":
        return leave_last_out(rows.user, rows.time, rows.line, test=test)
    return global_time(rows.time, split.valid, test_share)


def _given_test(
    test: pa.Table, train: Rows, ids: Ids, *, data: DataConfig
) -> tuple[Rows, dict[str, float]]:
    """The usable pairs of somebody else's test set, and counts of the others."""
    rows = ids.rows(test)
    source = Source.of(test, data.test_file or data.path)
    once = distinct_pairs(rows, ids, data=data, source=source)
    known = once.take(np.isin(once.user, train.user))
    keys = [part.user.astype(np.int64) * len(ids.item) + part.item for part in (known, train)]
    fresh = known.take(~np.isin(keys[0], keys[1]))
    return fresh, _left_out("test_", source) | {
        "test_pairs_read": len(test),
        "test_duplicates_dropped": len(rows) - len(once),
        "test_pairs_of_unknown_users": len(test) - len(rows) + len(once) - len(known),
        "test_pairs_in_train": len(known) - len(fresh),
    }


def _left_out(prefix: str, source: Source) -> dict[str, float]:
    """How many rows did not meet the conditions of `data`, where there are any."""
    return {} if source.dropped is None else {f"{prefix}pairs_left_out": source.dropped}


def _counts(*, read: Rows, once: Rows, sampled: Rows, core: Rows) -> dict[str, float]:
    return {
        "pairs_read": len(read),
        "users_read": len(read.users),
        "items_read": len(read.items),
        "duplicates_dropped": len(read) - len(once),
        "users_sampled": len(sampled.users),
        "pairs_sampled": len(sampled),
        "users_removed_by_k_core": len(sampled.users) - len(core.users),
        "items_removed_by_k_core": len(sampled.items) - len(core.items),
        "pairs_removed_by_k_core": len(sampled) - len(core),
    }


def _of_train_users(parts: dict[str, Rows], core: Rows) -> tuple[dict[str, Rows], dict[str, float]]:
    """The parts without held-out pairs of users that have no train item, and counts of those."""
    users = parts["train"].users
    kept = {name: rows.take(np.isin(rows.user, users)) for name, rows in parts.items()}
    for name, rows in kept.items():
        if not len(rows):
            raise InputError(
                f"no interaction is left for the {name} part",
                "some, of users that have train interactions",
                "change the shares or the protocol in `split`, or the data",
            )
    return kept, {
        "users_without_train": len(np.setdiff1d(core.users, users)),
        "valid_pairs_of_users_without_train": len(parts["valid"]) - len(kept["valid"]),
        "test_pairs_of_users_without_train": len(parts["test"]) - len(kept["test"]),
    }


def _numbered(
    parts: dict[str, Rows], ids: Ids, summary: dict[str, float], *, rng: np.random.Generator
) -> Split:
    """Draw the numbers: users, then the catalogue, then the items outside it."""
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
            outside = int((table.item >= train.n_items).sum())
            sizes[f"{name}_pairs_outside_catalogue"] = outside
    return sizes | {"density": len(train) / (train.n_users * train.n_items)}
