"""Evaluations and rankings by hand, with the files that the verdict reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, is_fused
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.runtime.files import write_json

METRIC = "ndcg_at_20"
ADDED = Augmentation(0.25)
Values = Mapping[str, FloatArray]
"""By variant, shape (seeds, users)."""


def metrics_table(metrics: Mapping[str, Values]) -> pa.Table:
    """Columns variant, seed, user and a column a metric, of the same variants each."""
    tables = []
    for variant, array in next(iter(metrics.values())).items():
        seed, user = np.indices(array.shape).reshape(2, -1)
        columns = {metric: values[variant].ravel() for metric, values in metrics.items()}
        names = {"variant": pa.repeat(variant, array.size), "seed": pa.array(seed, pa.int32())}
        tables.append(pa.table(names | {"user": pa.array(user, pa.int32()), **columns}))
    return pa.concat_tables(tables)


def write_evaluation(
    folder: Path,
    metrics: Mapping[str, Values],
    *,
    validation: Values | None = None,
    nothing: Sequence[str] = (),
    chosen: Augmentation = ADDED,
    runs: int = 5,
) -> Path:
    """That of a recommender, named as the folder: its figures on the test set, and on validation
    (by default those of the first of the `metrics`, which is what chose).

    Every arm chose `chosen`, those of `nothing` and a language model that is not there chose amount
    0. What generates was trained `runs` times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metric, values = next(iter(metrics.items()))
    pq.write_table(metrics_table(metrics), folder / "per_user.parquet")
    table = metrics_table({metric: values if validation is None else validation})
    pq.write_table(table, folder / "validation.parquet")
    arms = {arm: chosen for arm in values if arm != ORIGINAL and not is_fused(arm)}
    arms |= dict.fromkeys(nothing, ORIGINAL_DATA)
    write_selection(folder, metric, {LANGUAGE_MODEL: ORIGINAL_DATA} | arms, runs=runs)
    summary = {f"{arm}_generated_pairs": 7.0 for arm in arms} | {"generated_pairs": 9.0}
    write_json(folder / "summary.json", summary)
    return folder


def write_selection(
    folder: Path, metric: str, arms: Mapping[str, Augmentation], *, runs: int = 5
) -> None:
    """Each arm had its choice, and nothing, to choose from."""
    content = {
        arm: {
            "scores": [
                {**augmentation._asdict(), "by_seed": [0.1 + augmentation.amount, 0.1]}
                for augmentation in dict.fromkeys((ORIGINAL_DATA, chosen))
            ],
            "chosen": chosen._asdict(),
        }
        for arm, chosen in arms.items()
    }
    write_json(folder / "selection.json", {"metric": metric, "runs": runs, "arms": content})


def write_rankings(
    folder: Path, metrics: Mapping[str, Values], validation: Values | None = None
) -> Path:
    """What ranks by itself: figures on the test set by run and user, and on validation."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(metrics_table(metrics), folder / "per_user.parquet")
    metric, values = next(iter(metrics.items()))
    first = {variant: array[:1] for variant, array in values.items()}
    table = metrics_table({metric: first if validation is None else validation})
    pq.write_table(table, folder / "validation.parquet")
    write_json(folder / "summary.json", {f"{variant}_x": 1.0 for variant in values})
    return folder
