"""Original against augmented data: what follows from metrics by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar

from llm4idrec.augmentation.choice import chosen_augmentation
from llm4idrec.config.recommenders import is_seeded
from llm4idrec.metrics.significance import Comparison, compare, holm, seeds_by_users
from llm4idrec.verdict.per_user import metrics_of, read_per_user
from llm4idrec.verdict.variants import COMPARED


class Row(TypedDict):
    """One recommender and metric, as in `comparison.json`; means over users and seeds.

    `amount` is what validation chose. `relative_gain` and its 95 % interval are null where the
    original is 0. `p_value`, Holm-corrected over the recommenders, and the interval are null where
    one seed, of many that there could be, was trained.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    amount: float
    original: float
    augmented: float
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    n_seeds: int
    n_users: int


ComparisonKey = TypeVar("ComparisonKey", bound=tuple[str, ...])
"""Of a comparison: the recommender, the metric, and what else tells it from others."""


def compare_recommenders(
    evaluations: Sequence[Path], dataset: str, protocol: str, *, file: str = "per_user.parquet"
) -> list[Row]:
    """Rows of that file in each evaluation folder, which is named as its recommender; what was
    chosen is read beside it.

    Raises `InputError` if a folder has none, or its users or metrics differ between the variants.
    """
    tables = {folder.name: read_per_user(folder / file) for folder in evaluations}
    compared = {
        (name, metric): compare(
            *(seeds_by_users(table, v, metric) for v in COMPARED), seeded=is_seeded(name)
        )
        for name, table in tables.items()
        for metric in metrics_of(table)
    }
    p_values = corrected(compared)
    amounts = {folder.name: chosen_augmentation(folder).amount for folder in evaluations}
    rows = []
    for (name, metric), comparison in compared.items():
        row = Row(
            dataset=dataset,
            protocol=protocol,
            recommender=name,
            metric=metric,
            amount=amounts[name],
            original=comparison.original,
            augmented=comparison.augmented,
            relative_gain=comparison.relative_gain,
            ci_low=comparison.low,
            ci_high=comparison.high,
            p_value=p_values[name, metric],
            n_seeds=comparison.n_seeds,
            n_users=len(tables[name]["user"].unique()),
        )
        rows.append(row)
    return rows


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
