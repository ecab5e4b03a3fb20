"""The comparison in a few numbers and two small tables, for tools that show changes and lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.runtime.files import read_json, replacing_file
from llm4idrec.verdict.histories import EPOCH, mean_histories
from llm4idrec.verdict.leads import LANGUAGE_MODEL, SourceRow
from llm4idrec.verdict.verdict import metric_name, recommender_name

CURVES, AMOUNTS = "curves.csv", "amounts.csv"


def digest(sources: Sequence[SourceRow]) -> dict[str, dict[str, float | None]]:
    """By recommender, from the rows of `controls.json` that are of the metric which chose the
    amount: its value with augmentation (as `ndcg` or `recall`), the `gain` over the original data,
    and the `lead` over the best control, null where there is none."""
    found: dict[str, dict[str, float | None]] = {}
    for row in (row for row in sources if row["headline"]):
        name = row["recommender"]
        if row["source"] == LANGUAGE_MODEL:
            kind = row["metric"].partition("_")[0]
            found[name] = {kind: row["value"], "gain": row["relative_gain"], "lead": None}
    for name, numbers in found.items():
        numbers["lead"] = lead_over_best_control(sources, name)
    return found


def lead_over_best_control(sources: Sequence[SourceRow], recommender: str) -> float | None:
    """The language model's, in the metric which chose the amount, over the control whose value is
    the largest; None without controls."""
    controls = [
        row
        for row in sources
        if row["headline"] and row["recommender"] == recommender and row["source"] != LANGUAGE_MODEL
    ]
    return max(controls, key=lambda row: row["value"])["lead"] if controls else None


def write_lines(evaluations: Sequence[Path], out: Path) -> None:
    """Write `curves.csv` (recommender, data, epoch, value: validation with the original and the
    augmented data, means over seeds) and `amounts.csv` (recommender, popularity_exponent, amount,
    value: what the amount was chosen by; every order begins at amount 0) into `out`.

    The value is of the selection metric, which `recommender` names too, as in `MF, NDCG@20`;
    folders are named as their recommenders.
    """
    curves: list[tuple[object, ...]] = []
    amounts: list[tuple[object, ...]] = []
    for folder in evaluations:
        selection, histories = read_json(folder / "selection.json"), mean_histories(folder)
        metric = selection["metric"]
        title = f"{recommender_name(folder.name)}, {metric_name(metric)}"
        for data in ("original", LANGUAGE_MODEL):
            lines = zip(*(histories[data][c].to_pylist() for c in (EPOCH, metric)), strict=True)
            curves += [(title, data, *line) for line in lines]
        scores = {
            Augmentation(s["amount"], s["popularity_exponent"]): s["by_seed"]
            for s in selection["scores"]
        }
        for exponent in sorted({tried.popularity_exponent for tried in scores if tried.amount}):
            for tried, by_seed in scores.items():
                if tried == ORIGINAL_DATA or tried.popularity_exponent == exponent:
                    amounts.append((title, exponent, tried.amount, float(np.mean(by_seed))))
    _write(out / CURVES, ("recommender", "data", EPOCH, "value"), curves)
    _write(out / AMOUNTS, ("recommender", "popularity_exponent", "amount", "value"), amounts)


def _write(path: Path, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_file(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([head, *lines])
