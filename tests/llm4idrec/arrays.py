"""Interactions as a test writes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llm4idrec.data.interactions import Interactions


def interactions(
    user: npt.ArrayLike,
    item: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    timestamp: npt.ArrayLike | None = None,
) -> Interactions:
    """Of lists or arrays of any numbers; `shape` is (n_users, n_items)."""
    n_users, n_items = shape
    return Interactions(
        np.asarray(user, np.int32),
        np.asarray(item, np.int32),
        n_users,
        n_items,
        None if timestamp is None else np.asarray(timestamp, np.int64),
    )
