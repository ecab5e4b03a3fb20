"""Original data against the language model's items added: what follows from metrics by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar

import pyarrow as pa

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.metrics.significance import Comparison, compare, holm
from llm4idrec.verdict.per_user import TEST, metrics_of, pair, read_per_user, users_of
from llm4idrec.verdict.selection import Selection


class Row(TypedDict):
    """One recommender and metric, as in `comparison.json`; means over users and seeds, or runs
    where these are fewer.

    `relative_gain` and its 95 % interval are null where the original is 0. `p_value`,
    Holm-corrected over the recommenders, and the interval are null where one seed, of many that
    there could be, was trained.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    amount: float
    """What validation chose; at 0 nothing is added, and both sides are the same."""
    original: float
    augmented: float
    """With the items of the language model alone."""
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    n_seeds: int
    """Trainings of the recommender on each side."""
    n_runs: int
    """Trainings of what generates; fewer than seeds, and more than one, they are what the test
    counts in the seeds' place."""
    n_users: int


ComparisonKey = TypeVar("ComparisonKey", bound=tuple[str, ...])
"""Of a comparison: the recommender, the metric, and what else tells it from others."""


def compare_recommenders(
    evaluations: Sequence[Path], dataset: str, protocol: str, *, file: str = TEST
) -> list[Row]:
    """Rows of that file in each evaluation folder, which is named as its recommender; what was
    chosen is read beside it.

    Raises `InputError` if a folder has none, or its users or metrics differ between the variants.
    """
    selections = {folder.name: Selection.read(folder) for folder in evaluations}
    runs = {name: its.runs if file == TEST else 1 for name, its in selections.items()}
    tables = {f.name: read_chosen(f / file, selections[f.name]) for f in evaluations}
    compared = {
        (name, metric): compare(*pair(table, (ORIGINAL, LANGUAGE_MODEL), metric, runs=runs[name]))
        for name, table in tables.items()
        for metric in metrics_of(table)
    }
    p_values = corrected(compared)
    rows = []
    for (name, metric), comparison in compared.items():
        row = Row(
            dataset=dataset,
            protocol=protocol,
            recommender=name,
            metric=metric,
            amount=selections[name].language_model.chosen.amount,
            original=comparison.original,
            augmented=comparison.augmented,
            relative_gain=comparison.relative_gain,
            ci_low=comparison.low,
            ci_high=comparison.high,
            p_value=p_values[name, metric],
            n_seeds=len(tables[name]["seed"].unique()),
            n_runs=runs[name],
            n_users=len(users_of(tables[name])),
        )
        rows.append(row)
    return rows


def read_chosen(file: Path, selection: Selection) -> pa.Table:
    """`read_per_user` of an evaluation's file, with every arm that adds something."""
    added = [arm for arm, choice in selection.arms.items() if choice.chosen.amount]
    return read_per_user(file, needs=(ORIGINAL, *added))


def corrected(
    compared: Mapping[ComparisonKey, Comparison],
) -> dict[ComparisonKey, float | None]:
    """Holm-corrected p-values; the comparisons of one metric are a family, without those that have
    no p."""
    p_values: dict[ComparisonKey, float | None] = dict.fromkeys(compared)
    for metric in {key[1] for key in compared}:
        family = {"/".join(key): key for key in compared if key[1] == metric}
        plain = {name: compared[key].p_value for name, key in family.items()}
        adjusted = holm({name: p for name, p in plain.items() if p is not None})
        p_values |= {family[name]: p_value for name, p_value in adjusted.items()}
    return p_values
