"""Distinct interactions -> the rows of train, validation and test by one of the protocols.

A split by time holds out first and takes the k-core of train alone: what comes later must not keep
a user or an item in. A random split has no later; its k-core is that of all interactions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.given_test import given_test
from llm4idrec.data.holdout import (
    TEST,
    TRAIN,
    VALID,
    PartArray,
    global_time,
    leave_last_out,
    random_shares,
    user_time,
)
from llm4idrec.data.overlap import pairs_in_train, removed_by_k_core, unknown_ids
from llm4idrec.data.population import k_core, long_enough, require_parts, sampled
from llm4idrec.data.protocol import GLOBAL_TIME, LEAVE_LAST_OUT, RANDOM, USER_TIME
from llm4idrec.data.rows import Ids, Rows
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError

PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}


@dataclass(frozen=True)
class Pool:
    """What there is to be split: the distinct pairs `rows` of the raw table `train`, whose IDs are
    `ids`.

    `test` is the raw table of a test set that is given; None where it is to be held out.
    """

    train: pa.Table
    test: pa.Table | None
    rows: Rows
    ids: Ids
    source: Source
    data: DataConfig
    seed: int


@dataclass(frozen=True)
class Division:
    """The rows of each part, all of them of users with train rows; what was left out, in numbers
    and in sentences."""

    protocol: str
    parts: dict[str, Rows]
    counts: dict[str, float]
    warnings: list[str]

    def in_catalogue(self, part: str) -> Rows:
        """The rows of a part whose item has train rows."""
        rows = self.parts[part]
        return rows.take(np.isin(rows.item, self.parts["train"].items))


def divide(pool: Pool, split: SplitConfig) -> Division:
    """The parts by a protocol that is not auto; the same pool and protocol give the same parts.

    With a given test set the protocol holds out the validation only. Raises `InputError` for users
    with fewer than `data.min_history` items or too few to be split, a test set that the train file
    hardly knows, and parts that are empty.
    """
    data, source = pool.data, pool.source
    sampling, holding, _ = np.random.default_rng(pool.seed).spawn(3)
    fewest = 1 if pool.test is not None or split.protocol == GLOBAL_TIME else 3
    long = long_enough(pool.rows, pool.ids, fewest, data=data, source=source)
    drawn = sampled(long, data.sample_users, sampling)
    whole = split.protocol == RANDOM  # of which the k-core is taken
    history = fewest if whole and data.drop_short_histories else 0
    rows = k_core(drawn, data, history=history) if whole else drawn
    part = _hold_out(rows, split, holding, test=pool.test is None)
    parts = {name: rows.take(part == label) for name, label in PARTS.items()}
    without = np.setdiff1d(rows.users, parts["train"].users)
    before, core = drawn, rows
    if not whole:
        before, core = parts["train"], k_core(parts["train"], data)
        parts["train"] = core
    left = rows if whole else rows.take(np.isin(rows.user, core.users))
    require_parts(left, pool.ids, fewest, source=source)
    counts = _counts(drawn, before, core)
    warnings = _left_out(pool, long, counts) if data.drop_short_histories else []
    if pool.test is not None:
        parts["test"], of_test = given_test(pool.test, left, pool.ids, data=data)
        counts |= of_test
        warnings += unknown_ids(pool.train, pool.test, data)
        warnings += pairs_in_train(counts, data)
        warnings += removed_by_k_core(pool.ids.rows(pool.test), before, core, data=data)
    parts, lost = _of_train_users(parts)
    counts |= {"users_without_train": len(without)} | lost
    return Division(split.protocol, parts, counts, warnings)


def _hold_out(rows: Rows, split: SplitConfig, rng: np.random.Generator, *, test: bool) -> PartArray:
    test_share = split.test if test else 0.0
    if split.protocol == RANDOM:
        return random_shares(rows.user, split.valid, test_share, rng=rng)
    if rows.time is None:
        raise ValueError("rows have no time, expected one for this protocol")
    if split.protocol == LEAVE_LAST_OUT:
        return leave_last_out(rows.user, rows.time, rows.line, test=test)
    if split.protocol == USER_TIME:
        return user_time(rows.user, rows.time, rows.line, valid=split.valid, test=test_share)
    if split.protocol == GLOBAL_TIME:
        return global_time(rows.time, split.valid, test_share)
    raise ValueError(f"protocol {split.protocol}, expected the one that auto stands for")


def _left_out(pool: Pool, long: Rows, counts: dict[str, float]) -> list[str]:
    """A warning about users whose histories are too short, who are also added to the `counts`."""
    users, pairs = len(pool.rows.users) - len(long.users), len(pool.rows) - len(long)
    counts |= {"users_removed_by_min_history": users, "pairs_removed_by_min_history": pairs}
    return [f"data.drop_short_histories: {users} users with {pairs} pairs left out"]


def _counts(drawn: Rows, before: Rows, core: Rows) -> dict[str, float]:
    """Of the users that were drawn, and of what the k-core, taken of `before`, removed."""
    return {
        "users_sampled": len(drawn.users),
        "pairs_sampled": len(drawn),
        "users_removed_by_k_core": len(before.users) - len(core.users),
        "items_removed_by_k_core": len(before.items) - len(core.items),
        "pairs_removed_by_k_core": len(before) - len(core),
    }


def _of_train_users(parts: dict[str, Rows]) -> tuple[dict[str, Rows], dict[str, float]]:
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
        "valid_pairs_of_users_without_train": len(parts["valid"]) - len(kept["valid"]),
        "test_pairs_of_users_without_train": len(parts["test"]) - len(kept["test"]),
    }
