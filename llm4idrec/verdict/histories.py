"""How validation went on each data set that an evaluation compared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.arms import ORIGINAL, is_fused
from llm4idrec.verdict.comparison import read_chosen
from llm4idrec.verdict.per_user import TEST, variants_of
from llm4idrec.verdict.selection import Selection

EPOCH = "epoch"


def compared(evaluation: Path) -> dict[str, int]:
    """What the test compared, each with its number of seeds: the original, the arms that add
    something, and what is fused with EASE.

    Raises `InputError` if the folder is not one of the stage that evaluates.
    """
    table = read_chosen(evaluation / TEST, Selection.read(evaluation))
    return dict.fromkeys(variants_of(table), len(pc.unique(table["seed"])))


def mean_histories(evaluation: Path) -> dict[str, pa.Table]:
    """By data set: columns epoch, loss and validation metrics, means over the seeds that there are.

    A line ends where the first of its seeds stopped: after that it would be a mean over others.
    """
    selection = Selection.read(evaluation)
    history = pq.read_table(evaluation / "history.parquet")
    columns = [name for name in history.column_names if name not in ("series", "step")]
    means = {}
    for variant in compared(evaluation):
        if is_fused(variant):
            continue
        rows = history.filter(pc.starts_with(history["series"], series_of(variant, selection)))
        aggregates = [("step", "count"), *((column, "mean") for column in columns)]
        by_epoch = rows.group_by("step", use_threads=False).aggregate(aggregates)
        seeds = len(pc.unique(rows["series"]))
        whole = by_epoch.filter(pc.equal(by_epoch["step_count"], seeds)).sort_by("step")
        named = {column: whole[f"{column}_mean"] for column in columns}
        means[variant] = pa.table({EPOCH: whole["step"], **named})
    return means


def series_of(variant: str, selection: Selection) -> str:
    """How the names of its trainings begin in `history.parquet`, those with what was chosen; the
    number of the seed follows."""
    if variant == ORIGINAL:
        return f"{ORIGINAL}/seed="
    return f"{variant}/{selection.arms[variant].chosen}/seed="
