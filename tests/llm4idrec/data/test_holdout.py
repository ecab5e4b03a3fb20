"""The latest share of each user's list, on known answers and on any lists."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.holdout import TEST, TRAIN, VALID, leave_last_out, random_shares, user_time

LETTERS = {TRAIN: ".", VALID: "v", TEST: "t"}


def shown(time: list[int], line: list[int], valid: float, test: float) -> str:
    """Of one user's rows in the order given: `.` is train, `v` validation, `t` test."""
    user = np.zeros(len(time), np.int32)
    part = user_time(user, np.array(time), np.array(line), valid=valid, test=test)
    return "".join(LETTERS[int(label)] for label in part)


@pytest.mark.parametrize(
    ("time", "valid", "test", "parts"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.1, 0.2, ".......vtt"),
        ([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.1, 0.2, "ttv......."),
        ([5, 1, 4, 2, 3], 0.1, 0.2, "t.v.."),
        ([1, 2, 3, 4, 5, 6, 7], 0.2, 0.3, "....vtt"),  # 1.4 and 2.1
        ([1, 2, 3, 4, 5], 0.3, 0.3, ".vvtt"),  # 1.5 is rounded up
        ([1, 2, 3], 0.1, 0.2, ".vt"),
        ([3, 1, 2], 0.1, 0.2, "t.v"),
        ([1, 2, 3, 4], 0.45, 0.5, ".vtt"),  # train has one at any share
        ([1, 2], 0.1, 0.2, ".v"),  # too short for three parts
        ([1], 0.1, 0.2, "."),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.2, 0.0, "........vv"),  # there is a test set already
        ([1, 2], 0.1, 0.0, ".v"),
        ([1], 0.1, 0.0, "."),
    ],
)
def test_known_answers(time: list[int], valid: float, test: float, parts: str) -> None:
    assert shown(time, list(range(len(time))), valid, test) == parts


@pytest.mark.parametrize(
    ("time", "line", "parts"),
    [
        ([7, 7, 7, 7, 7], [2, 3, 4, 5, 6], "...vt"),
        ([7, 7, 7, 7, 7], [6, 5, 4, 3, 2], "tv..."),
        ([1, 9, 9, 2, 3], [2, 8, 5, 9, 10], ".tv.."),
    ],
)
def test_rows_of_the_same_time_are_ordered_by_line(
    time: list[int], line: list[int], parts: str
) -> None:
    assert shown(time, line, 0.1, 0.2) == parts


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=60)
SHARES = st.sampled_from([(0.1, 0.2), (0.3, 0.6), (0.05, 0.05), (0.4, 0.0)])


@given(rows=ROWS, shares=SHARES)
def test_sizes_and_order(rows: list[tuple[int, int]], shares: tuple[float, float]) -> None:
    user, time = np.array(sorted(rows, key=lambda row: row[0])).T
    user = np.unique(user, return_inverse=True)[1]  # every number has rows
    line, (valid, test) = np.arange(len(user))[::-1], shares
    part = user_time(user, time, line, valid=valid, test=test)
    drawn = random_shares(user, valid, test, rng=np.random.default_rng(1))
    for one in range(user.max() + 1):
        its = [[(time[n], line[n]) for n in np.flatnonzero((user == one) & (part == label))]
               for label in (TRAIN, VALID, TEST)]  # fmt: skip
        assert [len(rows) for rows in its] == [
            int(((user == one) & (drawn == label)).sum()) for label in (TRAIN, VALID, TEST)
        ]
        assert its[0]
        ordered = [sorted(rows) for rows in its]
        assert list(chain(*ordered)) == sorted(chain(*its))


@given(rows=ROWS)
def test_a_small_share_is_the_last_one(rows: list[tuple[int, int]]) -> None:
    user, time = np.array(sorted(rows, key=lambda row: row[0])).T
    line = np.arange(len(user))
    shares = user_time(user, time, line, valid=0.001, test=0.001)
    assert shares.tolist() == leave_last_out(user, time, line, test=True).tolist()
