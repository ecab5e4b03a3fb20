"""Do the numbers of items give away what comes next? A model that knows digits could use that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.interactions import Interactions

CUTOFF = 10


def successor_probe(train: Interactions, valid: Interactions, items: pa.Array) -> dict[str, float]:
    """HR@10 on validation of proposing the ten integers after a user's last train item.

    `items` holds the IDs as given, by number. Two figures: for those IDs, where they are whole
    numbers, and for the shuffled numbers. Empty without time, which alone says what is last.
    """
    if train.timestamp is None:
        return {}
    rates = {"successor_hr_at_10_shuffled": _hit_rate(train, valid, np.arange(len(items)))}
    if pc.all(pc.match_substring_regex(items, r"^\d{1,18}$")).as_py():
        given = pc.cast(items, pa.int64()).to_numpy()
        rates["successor_hr_at_10_as_given"] = _hit_rate(train, valid, given)
    return rates


def _hit_rate(train: Interactions, valid: Interactions, number: npt.NDArray[np.int64]) -> float:
    """Share of users with a validation item whose number follows that of their last train item."""
    last = number[train.item[train.offsets[valid.user + 1] - 1]]
    distance = number[valid.item] - last
    hit = np.bincount(valid.user, (distance >= 1) & (distance <= CUTOFF), valid.n_users) > 0
    return float(hit[valid.history_lengths > 0].mean())
