"""Random views of item sequences for contrastive learning (Xie et al. 2022, section 3.3)."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import LongArray
from llm4idrec.recommenders.sequential.sequences import Sequences


def crop(sequences: Sequences, share: float, rng: np.random.Generator) -> Sequences:
    """A random stretch of floor(share * length) items, at least one."""
    starts, lengths = _stretch(sequences, share, rng)
    return sequences.cut(sequences.starts + starts, lengths)


def mask(sequences: Sequences, share: float, *, hidden: int, rng: np.random.Generator) -> Sequences:
    """floor(share * length) random items replaced by `hidden`."""
    order = _order(sequences, rng.random(len(sequences.items)))
    rank = np.empty_like(order)
    rank[order] = sequences.place
    count = np.floor(share * sequences.lengths)[sequences.owner]
    return Sequences(np.where(rank < count, hidden, sequences.items), sequences.lengths)


def reorder(sequences: Sequences, share: float, rng: np.random.Generator) -> Sequences:
    """A random stretch of floor(share * length) items shuffled."""
    starts, lengths = _stretch(sequences, share, rng)
    start, length = starts[sequences.owner], lengths[sequences.owner]
    inside = (sequences.place >= start) & (sequences.place < start + length)
    # Inside, a random number between the places before and after the stretch.
    key = np.where(inside, start + rng.random(len(inside)) * length, sequences.place)
    return Sequences(sequences.items[_order(sequences, key)], sequences.lengths)


def random_view(
    sequences: Sequences,
    shares: tuple[float, float, float],
    *,
    hidden: int,
    rng: np.random.Generator,
) -> Sequences:
    """Each sequence cropped, masked or reordered, at random; `shares` are those of the three."""
    kind = rng.integers(0, 3, len(sequences))
    crops, masks, reorders = (sequences.take(np.flatnonzero(kind == n)) for n in range(3))
    views = (
        crop(crops, shares[0], rng),
        mask(masks, shares[1], hidden=hidden, rng=rng),
        reorder(reorders, shares[2], rng),
    )
    joined = Sequences(
        np.concatenate([view.items for view in views]),
        np.concatenate([view.lengths for view in views]),
    )
    return joined.take(np.argsort(np.argsort(kind, kind="stable"), kind="stable"))


def _stretch(
    sequences: Sequences, share: float, rng: np.random.Generator
) -> tuple[LongArray, LongArray]:
    """A place in each sequence, none of them empty, and a length that fits from there."""
    lengths = np.maximum(np.floor(share * sequences.lengths), 1).astype(np.int64)
    return rng.integers(0, sequences.lengths - lengths + 1), lengths


def _order(sequences: Sequences, key: np.ndarray) -> LongArray:
    """Which items stand at each place when every sequence is sorted by `key` >= 0."""
    stride = max(sequences.lengths.max(initial=0), 1) + 1
    return np.argsort(sequences.owner * stride + key, kind="stable")
