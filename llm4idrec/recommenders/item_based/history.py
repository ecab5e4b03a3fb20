"""The histories that item-based recommenders keep, and rank by."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from llm4idrec.data.interactions import Interactions


def without_time(train: Interactions) -> Interactions:
    """The same pairs, items ascending in each user: sums over them round the same after `save`."""
    return Interactions(train.user, train.item, train.n_users, train.n_items)


def history_matrix(history: Interactions) -> csr_array:
    """Ones at the pairs, CSR of shape (n_users, n_items), float32."""
    ones = np.ones(len(history), np.float32)
    shape = history.n_users, history.n_items
    return csr_array((ones, history.item, history.offsets), shape=shape)


def history_state(history: Interactions) -> dict[str, Tensor]:
    """Tensors `offsets` (n_users + 1,) and `items` (n,)."""
    return {
        "offsets": torch.from_numpy(history.offsets.copy()),
        "items": torch.from_numpy(history.item.copy()),
    }


def restored_history(state: dict[str, Tensor], n_items: int) -> Interactions:
    """What `history_state` gave; other entries of `state` are left alone."""
    offsets, items = (state[key].cpu().numpy() for key in ("offsets", "items"))
    users = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
    return Interactions(users, items, len(offsets) - 1, n_items)
