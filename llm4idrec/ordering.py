"""Sorting whole numbers in time that is linear in how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array


def stable_order(numbers: npt.NDArray[np.integer], size: int) -> npt.NDArray[Any]:
    """`np.argsort(numbers, kind="stable")` of numbers in [0, size), both (n,).

    What makes CSR of coordinates is a counting sort: seven times as fast at 5 million.
    """
    n = len(numbers)
    places = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    return np.asarray(csr_array((np.empty(n, np.int8), (numbers, places)), (size, n)).indices)


def pair_order(
    first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], sizes: tuple[int, int]
) -> npt.NDArray[Any]:
    """The places of pairs sorted by `first`, then `second`, stable; each (n,), below its size."""
    order = stable_order(second, sizes[1])
    return order[stable_order(first[order], sizes[0])]
