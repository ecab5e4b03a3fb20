"""What was added to the train set, before any recommender learns from it: how good, how popular."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import GENERATED, generated_pairs
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.data import AUGMENTED, CONTROLS
from llm4idrec.metrics.popularity_bands import band_shares, item_bands
from llm4idrec.verdict.variants import LANGUAGE_MODEL
from llm4idrec.verdict.wording import SOURCE_NAMES


@dataclass(frozen=True)
class Addition:
    """The pairs of one source."""

    source: str
    """`augmented` (the language model) or a control."""
    augmentation: Augmentation
    pairs: int
    hit_rate: float
    """Share of the pairs that are in the validation set."""
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
    """By augmentation, then source, the language model first; what is empty is left out.

    Reads `interactions.parquet` and `controls.parquet` in `augmented`.
    """
    sources = dict(_sources(augmented))
    return [
        _describe(source, augmentation, added, train=train, valid=valid)
        for augmentation in augmentations
        for source, pairs in sources.items()
        if len((added := generated_pairs(pairs, augmentation))[0])
    ]


def _sources(augmented: Path) -> Iterator[tuple[str, pa.Table]]:
    """Each source and its pairs: columns user, item, popularity_exponent and relative_rank."""
    columns = ["user", "item", "popularity_exponent", "relative_rank"]
    table = pq.read_table(augmented / AUGMENTED)
    yield LANGUAGE_MODEL, table.filter(pc.equal(table["origin"], GENERATED)).select(columns)
    controls = pq.read_table(augmented / CONTROLS)
    present = set(controls["control"].to_pylist())
    for name in SOURCE_NAMES:
        if name in present:
            yield name, controls.filter(pc.equal(controls["control"], name)).select(columns)


def _describe(
    source: str,
    augmentation: Augmentation,
    added: tuple[IntArray, IntArray],
    *,
    train: Interactions,
    valid: Interactions,
) -> Addition:
    """What `source` adds at `augmentation`.

    `added` are its pairs' users and items, `train` is the set that they join, and `valid` holds the
    validation pairs that they may hit.
    """
    (user, item), counts = added, train.item_counts
    return Addition(
        source,
        augmentation,
        pairs=len(user),
        hit_rate=float(valid.contains(user, item).mean()),
        coverage=len(np.unique(item)) / train.n_items,
        relative_popularity=float(counts[item].mean() / counts[train.item].mean()),
        bands=band_shares(item, item_bands(train)),
    )
