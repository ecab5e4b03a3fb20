"""Lloyd's k-means (1982)."""

from __future__ import annotations

import torch
from torch import Tensor

_POINTS_A_CHUNK = 1 << 13


def nearest_centres(points: Tensor, centres: Tensor) -> Tensor:
    """Row of the nearest of `centres` (k, d) for each of `points` (n, d), shape (n,)."""
    # |p - c|^2 is smallest where p.c - |c|^2 / 2 is largest.
    bias = centres.square().sum(-1) / -2
    parts = torch.split(points, _POINTS_A_CHUNK)
    return torch.cat([torch.addmm(bias, part, centres.T).argmax(-1) for part in parts])


def kmeans(points: Tensor, centres: Tensor, rounds: int) -> Tensor:
    """`centres` (k, d) after so many rounds; one with no points stays where it is."""
    for _ in range(rounds):
        nearest = nearest_centres(points, centres)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        counts = torch.bincount(nearest, minlength=len(centres))[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres
