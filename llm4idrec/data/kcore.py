"""The k-core: the largest part of the data in which everyone has at least k interactions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def in_k_core(
    user: npt.NDArray[np.integer], item: npt.NDArray[np.integer], k: int, *, history: int
) -> npt.NDArray[np.bool_]:
    """Which of the distinct (user, item) pairs, shape (n,), lie in the k-core of their graph.

    Users and items with fewer than `k` pairs, and users with fewer than `history`, are dropped,
    again and again until none is left (Seidman 1983); the result does not depend on the order.
    """
    least = max(k, history)
    kept = np.arange(len(user))
    while len(kept):
        users, items = user[kept], item[kept]
        strong = (np.bincount(users)[users] >= least) & (np.bincount(items)[items] >= k)
        if strong.all():
            break
        kept = kept[strong]
    mask = np.zeros(len(user), np.bool_)
    mask[kept] = True
    return mask
