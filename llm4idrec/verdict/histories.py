"""How validation went on each data set that an evaluation compared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import ORIGINAL_DATA, chosen_augmentation
from llm4idrec.verdict.per_user import read_per_user
from llm4idrec.verdict.variants import ORIGINAL, is_control

EPOCH = "epoch"


def compared(evaluation: Path) -> dict[str, int]:
    """The data sets that the test compared, each with its number of seeds: original, augmented,
    then the controls.

    Raises `InputError` if the folder is not one of the stage that evaluates.
    """
    table = read_per_user(evaluation / "per_user.parquet")
    pairs = table.group_by(["variant", "seed"], use_threads=False).aggregate([])
    return {
        variant: pc.sum(pc.equal(pairs["variant"], variant)).as_py()
        for variant in dict.fromkeys(table["variant"].to_pylist())
    }


def mean_histories(evaluation: Path) -> dict[str, pa.Table]:
    """By data set: columns epoch, loss and validation metrics, means over the seeds.

    A line ends where the first of its seeds stopped: after that it would be a mean over others.
    """
    history = pq.read_table(evaluation / "history.parquet")
    chosen = chosen_augmentation(evaluation)
    columns = [name for name in history.column_names if name not in ("series", "step")]
    means = {}
    for variant, seeds in compared(evaluation).items():
        augmentation = ORIGINAL_DATA if variant == ORIGINAL else chosen
        control = f"{variant}/" if is_control(variant) else ""
        series = pa.array([f"{control}{augmentation}/seed={seed}" for seed in range(seeds)])
        rows = history.filter(pc.is_in(history["series"], series))
        aggregates = [("step", "count"), *((column, "mean") for column in columns)]
        by_epoch = rows.group_by("step", use_threads=False).aggregate(aggregates)
        whole = by_epoch.filter(pc.equal(by_epoch["step_count"], seeds)).sort_by("step")
        named = {column: whole[f"{column}_mean"] for column in columns}
        means[variant] = pa.table({EPOCH: whole["step"], **named})
    return means
