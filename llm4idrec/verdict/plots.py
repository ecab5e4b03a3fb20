"""The evaluations in two small tables, for tools that draw lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.runtime.files import replacing_file
from llm4idrec.verdict.histories import EPOCH, mean_histories
from llm4idrec.verdict.selection import Selection
from llm4idrec.verdict.wording import metric_name, recommender_name

CURVES, AMOUNTS = "curves.csv", "amounts.csv"


def write_lines(evaluations: Sequence[Path], out: Path) -> None:
    """Write `curves.csv` (recommender, data, epoch, value: validation with the original data and
    with the language model's items, if any were chosen; means over seeds) and `amounts.csv`
    (recommender, popularity_exponent, amount, value: what the language model's amount was chosen
    by; every order begins at amount 0) into `out`.

    The value is of the selection metric, which `recommender` names too, as in `MF, NDCG@20`;
    folders are named as their recommenders.
    """
    curves: list[tuple[object, ...]] = []
    amounts: list[tuple[object, ...]] = []
    for folder in evaluations:
        selection, histories = Selection.read(folder), mean_histories(folder)
        metric = selection.metric
        title = f"{recommender_name(folder.name)}, {metric_name(metric)}"
        for data in (ORIGINAL, LANGUAGE_MODEL):
            if data not in histories:
                continue
            lines = zip(*(histories[data][c].to_pylist() for c in (EPOCH, metric)), strict=True)
            curves += [(title, data, *line) for line in lines]
        for exponent, tried in selection.language_model.orders.items():
            for augmentation in tried:
                value = float(np.mean(selection.language_model.scores[augmentation]))
                amounts.append((title, exponent, augmentation.amount, value))
    _write(out / CURVES, ("recommender", "data", EPOCH, "value"), curves)
    _write(out / AMOUNTS, ("recommender", "popularity_exponent", "amount", "value"), amounts)


def _write(path: Path, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_file(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([head, *lines])
