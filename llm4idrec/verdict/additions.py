"""What each arm adds, before any recommender learns from it: how good, how popular."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.arms import SELECTION, final
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.arm_tables import replicate_file
from llm4idrec.metrics.popularity_bands import band_shares, item_bands
from llm4idrec.verdict.variants import grouped


@dataclass(frozen=True)
class Addition:
    """The pairs of one arm."""

    arm: str
    augmentation: Augmentation
    pairs: int
    hit_rate: float | None
    """Share of the pairs that are in the validation set, of those that were generated without
    knowing it; None if there are none."""
    coverage: float
    """Share of the catalogue's items that get a pair."""
    relative_popularity: float
    """Mean train interactions of the pairs' items, relative to that of train's own pairs."""
    bands: dict[str, float]
    """Share of the pairs whose item is in each band of popularity."""


def describe_additions(
    augmented: Path,
    augmentations: Iterable[Augmentation],
    *,
    train: Interactions,
    valid: Interactions,
) -> list[Addition]:
    """By augmentation, then arm: those alone, then those together with EASE; what is empty is left
    out.

    Reads in `augmented` the files in `arms` of the first replicate for the test, which is what was
    added, and of the one that validation chose by, which alone did not know `valid`.
    """
    added, unknowing = (_arms(augmented, replicate) for replicate in (final(0), SELECTION))
    found = []
    for augmentation in augmentations:
        for arm, pairs in added.items():
            user, item = generated_pairs(pairs, augmentation)
            if len(user):
                rate = None
                if arm in unknowing:
                    rate = _hit_rate(generated_pairs(unknowing[arm], augmentation), valid)
                found.append(_describe(arm, augmentation, item, train=train, hit_rate=rate))
    return found


def _arms(augmented: Path, replicate: str) -> dict[str, pa.Table]:
    """Columns user, item, popularity_exponent and relative_rank by arm."""
    table = pq.read_table(replicate_file(augmented, replicate))
    names = grouped(list(dict.fromkeys(table["arm"].to_pylist())))
    return {name: table.filter(pc.equal(table["arm"], name)).drop_columns("arm") for name in names}


def _hit_rate(pairs: tuple[IntArray, IntArray], valid: Interactions) -> float | None:
    user, item = pairs
    return float(valid.contains(user, item).mean()) if len(user) else None


def _describe(
    arm: str,
    augmentation: Augmentation,
    item: IntArray,
    *,
    train: Interactions,
    hit_rate: float | None,
) -> Addition:
    """What `arm` adds at `augmentation`: the items of its pairs; `train` counts how popular they
    are."""
    counts = train.item_counts
    return Addition(
        arm,
        augmentation,
        pairs=len(item),
        hit_rate=hit_rate,
        coverage=len(np.unique(item)) / train.n_items,
        relative_popularity=float(counts[item].mean() / counts[train.item].mean()),
        bands=band_shares(item, item_bands(train)),
    )
