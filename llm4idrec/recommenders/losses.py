"""Losses on batches of vectors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def bpr_loss(rows: Tensor) -> Tensor:
    """Mean of -ln sigmoid(u.i - u.j) (Rendle et al. 2009, BPR-Opt); a scalar.

    `rows` has shape (2 + m, n, d): n users, the items they took, and m items each did not take.
    """
    users, items, others = torch.split(rows, [1, 1, len(rows) - 2])
    return softplus((users * (others - items)).sum(-1)).mean()
