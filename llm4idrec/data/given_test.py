"""A test set that somebody else has split off."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from llm4idrec.config import DataConfig
from llm4idrec.data.rows import Ids, Rows, distinct_pairs
from llm4idrec.data.source import Source


def given_test(
    test: pa.Table, train: Rows, ids: Ids, *, data: DataConfig
) -> tuple[Rows, dict[str, float]]:
    """The usable pairs of the raw table `test`, and counts of the others.

    `train` are all rows that users have before it, validation among them.
    """
    rows = ids.rows(test)
    source = Source.of(test, data.test_file or data.path)
    once = distinct_pairs(rows, ids, data=data, source=source)
    known = once.take(np.isin(once.user, train.user))
    keys = [part.user.astype(np.int64) * len(ids.item) + part.item for part in (known, train)]
    fresh = known.take(~np.isin(keys[0], keys[1]))
    return fresh, source.left_out("test_") | {
        "test_pairs_read": len(test),
        "test_duplicates_dropped": len(rows) - len(once),
        "test_pairs_of_unknown_users": len(test) - len(rows) + len(once) - len(known),
        "test_pairs_in_train": len(known) - len(fresh),
    }


def is_later(test: Rows, train: Rows, n_users: int) -> bool:
    """Whether nearly all rows of a test set are no earlier than the last train row of their user,
    of users that are in `train`; both have times."""
    if test.time is None or train.time is None:
        raise ValueError("rows have no time, expected one to compare")
    last = np.full(n_users, np.iinfo(np.int64).max)
    last[train.user] = np.iinfo(np.int64).min
    np.maximum.at(last, train.user, train.time)
    known = np.isin(test.user, train.user)
    if not known.any():
        return False
    return bool(np.mean(test.time[known] >= last[test.user[known]]) >= NEARLY_ALL)


NEARLY_ALL = 0.9
"""Share of a given test set's rows; a random one has few so late, one by time has all."""
