"""Who takes part in a split: users with enough interactions, a sample of them, the k-core."""

from __future__ import annotations

import numpy as np

from llm4idrec.config import DataConfig
from llm4idrec.config.data import LEAVE_OUT
from llm4idrec.data.kcore import in_k_core
from llm4idrec.data.rows import Ids, Rows
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError


def long_enough(rows: Rows, ids: Ids, fewest: int, *, data: DataConfig, source: Source) -> Rows:
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


def sampled(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    """The rows of so large a share of the users."""
    if share == 1:
        return rows
    users = rows.users
    drawn = rng.choice(users, max(1, round(share * len(users))), replace=False)
    return rows.take(np.isin(rows.user, drawn))


def k_core(rows: Rows, data: DataConfig, *, history: int = 0) -> Rows:
    """The k-core of `rows`, as `data` sets k, of users with at least `history` rows in it."""
    core = rows.take(in_k_core(rows.user, rows.item, data.k_core, history=history))
    if not len(core):
        raise InputError(
            f"no interaction is left in the {data.k_core}-core",
            "some",
            "lower data.k_core or raise data.sample_users",
            file=data.train_file,
        )
    return core


def require_parts(rows: Rows, ids: Ids, fewest: int, *, source: Source) -> None:
    """Every user of `rows` can be split; arguments are as in `long_enough`."""
    remedy = "set data.drop_short_histories to true, or data.k_core to 3 or more"
    purpose = "one each for train, validation and test"
    _require_history(rows, ids, fewest, purpose=purpose, remedy=remedy, source=source)


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
