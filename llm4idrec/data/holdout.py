"""Which interactions are train, validation and test: the four protocols.

Each function gives every row one of TRAIN, VALID and TEST. With `test=False` there is a test set
already and only the validation is held out. Rows are sorted by user.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer]
PartArray = npt.NDArray[np.int8]
TRAIN, VALID, TEST = 0, 1, 2


def random_shares(
    user: IntArray, valid: float, test: float, *, rng: np.random.Generator
) -> PartArray:
    """Hold out random shares of each user's rows, rounded, but one of each part where it can be.

    `test` 0 holds out no test. A user with a single row keeps it for train.
    """
    n_valid, n_test = _shares(np.bincount(user), valid, test)
    order = np.argsort(user + rng.random(len(user)), kind="stable")
    return _from_the_end(user, order, n_valid=n_valid, n_test=n_test)


def user_time(
    user: IntArray, time: IntArray, line: IntArray, *, valid: float, test: float
) -> PartArray:
    """Hold out the latest share of each user's rows, and before it the validation's; numbers of
    rows are as in `random_shares`, and rows of the same time are ordered by line.
    """
    n_valid, n_test = _shares(np.bincount(user), valid, test)
    return _from_the_end(user, np.lexsort((line, time, user)), n_valid=n_valid, n_test=n_test)


def leave_last_out(user: IntArray, time: IntArray, line: IntArray, *, test: bool) -> PartArray:
    """Each user's last row is the test and the one before it the validation.

    Rows of the same time are ordered by line. A user with a single row keeps it for train.
    """
    history = np.bincount(user)
    n_test = np.minimum(int(test), np.maximum(history - 2, 0))
    n_valid = np.minimum(1, np.maximum(history - n_test - 1, 0))
    return _from_the_end(user, np.lexsort((line, time, user)), n_valid=n_valid, n_test=n_test)


def global_time(time: IntArray, valid: float, test: float) -> PartArray:
    """Hold out the latest shares of all rows; rows of the same time are never parted."""
    ordered = np.sort(time)
    part = np.zeros(len(time), np.int8)
    for share, label in ((valid + test, VALID), (test, TEST)):
        place = len(time) - round(share * len(time))
        if place < len(time):
            part[time >= ordered[place]] = label
    return part


def _shares(
    history: npt.NDArray[np.int64], valid: float, test: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows for validation and test of users with so many rows, one of each part where it can be."""
    n_test = np.clip(_rounded(test * history), int(test > 0), np.maximum(history - 2, 0))
    n_valid = np.clip(_rounded(valid * history), 1, np.maximum(history - n_test - 1, 0))
    return n_valid, n_test


def _rounded(number: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    return np.asarray(np.floor(number + 0.5), np.int64)


def _from_the_end(
    user: IntArray,
    order: npt.NDArray[np.intp],
    *,
    n_valid: npt.NDArray[np.int64],
    n_test: npt.NDArray[np.int64],
) -> PartArray:
    """Label the last rows of each user in `order` TEST and those before them VALID."""
    ends = np.cumsum(np.bincount(user))
    ordered = user[order]
    left = ends[ordered] - np.arange(len(user))  # 1 for a user's last row
    part = np.zeros(len(user), np.int8)
    part[order[left <= (n_valid + n_test)[ordered]]] = VALID
    part[order[left <= n_test[ordered]]] = TEST
    return part
