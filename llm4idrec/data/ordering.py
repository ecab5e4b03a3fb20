"""Sorting whole numbers in time that is linear in how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

IntArray = npt.NDArray[np.integer[Any]]
Order = npt.NDArray[np.signedinteger[Any]]


def stable_order(numbers: IntArray, size: int) -> Order:
    """`np.argsort(numbers, kind="stable")` of numbers in [0, size), both (n,).

    What makes CSR of coordinates is a counting sort: seven times as fast at 5 million.
    """
    n = len(numbers)
    places = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    rows: Any = csr_array((np.empty(n, np.int8), (numbers, places)), (size, n))
    order: Order = rows.indices
    return order


def pair_order(first: IntArray, second: IntArray, sizes: tuple[int, int]) -> Order:
    """The places of pairs sorted by `first`, then `second`, stable; each (n,), below its size."""
    order = stable_order(second, sizes[1])
    within = stable_order(first[order], sizes[0])
    return order[within]
