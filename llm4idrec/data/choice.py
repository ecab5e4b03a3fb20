"""Which protocol `split.protocol: auto` takes: one by time where there is a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from llm4idrec.config import SplitConfig
from llm4idrec.config.data import Protocol
from llm4idrec.data.division import Division, Pool, divide
from llm4idrec.data.given_test import is_later
from llm4idrec.data.protocol import AUTO, GLOBAL_TIME, LEAVE_LAST_OUT, RANDOM, USER_TIME
from llm4idrec.errors import InputError

SMALLEST_SHARE = 0.1
"""Of the train users: a global cut that leaves fewer tells of the few who came last."""
SMALLEST_KNOWN_SHARE = 0.5
"""Of what is held out: with less of it in the catalogue, most of the test is out of reach."""
LONG = 1.5
"""Items that its share comes to in the median list: rounded, more than the last one alone."""
MOST_LOST = 1 / 3
"""Of the users that the last item held out would leave: to hold out more of each list is not worth
more. It may leave a train set whose k-core has lost them."""


@dataclass(frozen=True)
class Cut:
    """What a global cut leaves of a part that is held out."""

    part: str
    users: int
    """With an item of the catalogue."""
    of_train: float
    """Those users as a share of the train set's."""
    known: float
    """Share of the part's interactions whose item is in the catalogue."""

    @classmethod
    def of(cls, division: Division, part: str) -> Cut:
        known = division.in_catalogue(part)
        users = len(known.users)
        n_train = len(division.parts["train"].users)
        return cls(part, users, users / n_train, len(known) / len(division.parts[part]))

    def __str__(self) -> str:
        return (
            f"{self.users} users in {self.part} with an item of the catalogue, "
            f"{100 * self.of_train:.0f} % of all, and {100 * self.known:.0f} % of the interactions "
            f"there in the catalogue"
        )

    def suits(self, fewest: int) -> bool:
        """Whether enough is left to tell a gain that is not only of a few users and old items."""
        enough = self.users >= fewest and self.of_train >= SMALLEST_SHARE
        return enough and self.known >= SMALLEST_KNOWN_SHARE


def divided(pool: Pool, split: SplitConfig) -> Division:
    """The parts by `split.protocol`; for auto by the one that suits the pool, which the first of
    the warnings says.

    Raises `InputError` as `divide` does, and where global_time leaves too few test users.
    """
    if split.protocol == AUTO:
        return _chosen(pool, split)
    division = divide(pool, split)
    if split.protocol == GLOBAL_TIME and pool.test is None:
        _require_users(Cut.of(division, "test"), split.min_test_users)
    return division


def _chosen(pool: Pool, split: SplitConfig) -> Division:
    """By the first that suits: a global cut, shares of each list, the last of each list."""
    if not pool.data.has_time:
        return _said(_by(pool, split, RANDOM), "the data have no time")
    if not _continues(pool):
        why = "the test set that is given is not later than the train set"
        return _said(_by(pool, split, RANDOM), why)
    numbers: dict[str, float] = {}
    why = ""
    if pool.test is None and not pool.data.format.endswith("_sequential"):
        try:
            cut = _by(pool, split, GLOBAL_TIME)
        except InputError:  # if for another reason than the cut, the next ends with it too
            why = "; global_time would leave nothing of a part"
        else:
            parts = [Cut.of(cut, part) for part in ("test", "valid")]
            numbers = {f"global_time_{its.part}_users": its.users for its in parts}
            wrong = [its for its in parts if not its.suits(split.min_test_users)]
            if not wrong:
                return _said(cut, str(parts[0]), numbers)
            why = f"; global_time would leave {wrong[0]}"
    return _of_each_list(pool, split, why=why, numbers=numbers)


def _of_each_list(
    pool: Pool, split: SplitConfig, *, why: str, numbers: Mapping[str, float]
) -> Division:
    """By shares of each list where they hold out more than the last item of most, and leave about
    as many users to be tested; `why` and `numbers` are of what was tried before."""
    given = pool.test is not None
    shares, last = (_by(pool, split, protocol) for protocol in (USER_TIME, LEAVE_LAST_OUT))
    median = _median_list(shares, ("train", "valid") if given else tuple(shares.parts))
    part = "valid" if given else "test"
    users, most = (len(its.in_catalogue(part).users) for its in (shares, last))
    short = (split.valid if given else split.test) * median < LONG
    lossy = users < (1 - MOST_LOST) * most
    why = f"half of the users have {median:g} items or more{why}"
    if lossy and not short:
        why += f"; user_time would leave {users} users in {part}, this leaves {most}"
    numbers = {**numbers, "median_list": median, f"user_time_{part}_users": users}
    return _said(last if short or lossy else shares, why, numbers)


def _continues(pool: Pool) -> bool:
    """Whether the test set is later than train, as one that is yet to be held out will be; files in
    which there is only an order are taken at their word."""
    if pool.test is None or pool.data.format.endswith("_sequential"):
        return True
    return is_later(pool.ids.rows(pool.test), pool.rows, len(pool.ids.user))


def _median_list(division: Division, parts: tuple[str, ...]) -> float:
    """Length of what is split, over the users that remain."""
    user = np.concatenate([division.parts[part].user for part in parts])
    return float(np.median(np.bincount(user)[division.parts["train"].users]))


def _by(pool: Pool, split: SplitConfig, protocol: Protocol) -> Division:
    return divide(pool, split.model_copy(update={"protocol": protocol}))


def _said(division: Division, why: str, numbers: Mapping[str, float] | None = None) -> Division:
    """With what was taken and why as the first sentence, and the numbers that it went by."""
    line = f"split.protocol auto: {division.protocol} ({why})"
    counts = division.counts | {f"auto_{name}": n for name, n in (numbers or {}).items()}
    return replace(division, counts=counts, warnings=[line, *division.warnings])


def _require_users(test: Cut, fewest: int) -> None:
    if test.users < fewest:
        raise InputError(
            f"split.protocol is global_time, which leaves {test.users} test "
            f"user{'' if test.users == 1 else 's'} with an item of the catalogue",
            f"at least {fewest} (split.min_test_users), over whom a gain can be told",
            "set split.protocol to user_time or auto, raise split.test, or take more data",
        )
