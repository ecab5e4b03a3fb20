"""Inner products of a few vectors with a whole catalogue."""

from __future__ import annotations

import torch
from torch import Tensor


def products(vectors: Tensor, items: Tensor) -> Tensor:
    """All inner products of (n, d) with (m, d) vectors, a new tensor (n, m) without gradient.

    On a CPU numpy's BLAS makes them: torch's MKL takes twice as long on AMD processors for
    matrices as wide as a catalogue and as thin as a vector.
    """
    if vectors.device.type != "cpu":
        return vectors @ items.T
    return torch.from_numpy(vectors.numpy() @ items.numpy().T)
