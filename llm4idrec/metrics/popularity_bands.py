"""Whom a recommender serves: results by how popular the items are in train."""

from __future__ import annotations

import numpy as np

from llm4idrec.data.interactions import IntArray, Interactions, LongArray

BANDS = ("head", "middle", "tail")


def item_bands(train: Interactions) -> LongArray:
    """Place in `BANDS` of each item, shape (n_items,).

    The head is the fewest items that together hold a third of the interactions, the most popular
    ones first (equally popular ones by number); the middle holds the next third, the tail the rest.
    """
    order = np.argsort(-train.item_counts, kind="stable")
    counts = train.item_counts[order]
    before = np.cumsum(counts) - counts
    bands = np.empty(train.n_items, np.int64)
    bands[order] = np.minimum(len(BANDS) * before // max(len(train), 1), len(BANDS) - 1)
    return bands


def band_recalls(
    ranked: IntArray, users: IntArray, heldout: Interactions, *, bands: LongArray
) -> dict[str, float]:
    """Recall within each band: the mean, over users with a held-out item there, of the share found.

    `ranked` (len(users), k) holds each user's items, negative numbers are empty places; `bands`
    (n_items,) is of the catalogue, and held-out items beyond it are in no band. A band in which
    nobody has a held-out item is left out.
    """
    hits = (ranked >= 0) & heldout.contains(np.asarray(users, np.int64)[:, None], ranked)
    found = np.zeros((len(users), len(BANDS)))
    np.add.at(found, (np.nonzero(hits)[0], bands[ranked[hits]]), 1)
    known = heldout.item < len(bands)
    held = np.zeros((heldout.n_users, len(BANDS)))
    np.add.at(held, (heldout.user[known], bands[heldout.item[known]]), 1)
    held = held[users]
    return {
        name: float((found[some, band] / held[some, band]).mean())
        for band, name in enumerate(BANDS)
        if (some := held[:, band] > 0).any()
    }


def mean_popularity(items: IntArray, train: Interactions) -> float:
    """Mean number of train interactions of the items; negative numbers are empty places."""
    present = items[items >= 0]
    return float(train.item_counts[present].mean()) if len(present) else 0.0


def band_shares(items: IntArray, bands: LongArray) -> dict[str, float]:
    """Share of the items that is in each band; negative numbers are empty places."""
    counts = np.bincount(bands[items[items >= 0]], minlength=len(BANDS))
    total = max(int(counts.sum()), 1)
    return {name: float(count / total) for name, count in zip(BANDS, counts, strict=True)}
