"""Does augmentation help? Rows of numbers, and the plain answer to each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.errors import InputError
from llm4idrec.significance import Comparison, compare, holm, seeds_by_users

LEVEL = 0.05
"""A Holm-corrected p below this counts as a difference."""
SMALLEST_GAIN = 0.01
"""An interval that ends below this relative gain rules out a gain worth having."""
METRIC_NAMES = {"recall": "Recall", "ndcg": "NDCG", "hr": "HR", "mrr": "MRR"}
RECOMMENDER_NAMES = {
    "popularity": "Popularity",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "mf": "MF",
    "lightgcn": "LightGCN",
    "simgcl": "SimGCL",
    "xsimgcl": "XSimGCL",
    "ncl": "NCL",
    "sasrec": "SASRec",
    "bert4rec": "BERT4Rec",
    "cl4srec": "CL4SRec",
    "p5": "P5",
    "cid": "CID+IID",
}


class Row(TypedDict):
    """One recommender and metric, as in `comparison.json`; means over users and seeds.

    `relative_gain` and its 95 % interval are null where the original is 0; `p_value` is
    Holm-corrected over the recommenders.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    original: float
    augmented: float
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float
    n_seeds: int
    n_users: int


class Verdict(StrEnum):
    """What the numbers allow to say."""

    HELPS = "helps"
    DOES_NOT_HELP = "does not help"
    CANNOT_TELL = "cannot tell"


def compare_recommenders(evaluations: Sequence[Path], dataset: str, protocol: str) -> list[Row]:
    """Rows of the `per_user.parquet` in each evaluation folder, which is named as its recommender.

    Raises `InputError` if a folder has none, or its users or metrics differ between the variants.
    """
    tables = {folder.name: _read_per_user(folder / "per_user.parquet") for folder in evaluations}
    compared = {
        name: {
            metric: compare(*(seeds_by_users(table, v, metric) for v in ("original", "augmented")))
            for metric in table.column_names[3:]
        }
        for name, table in tables.items()
    }
    rows = []
    for name, table in tables.items():
        n_seeds, n_users = (len(table[column].unique()) for column in ("seed", "user"))
        for metric, comparison in compared[name].items():
            row = Row(
                dataset=dataset,
                protocol=protocol,
                recommender=name,
                metric=metric,
                original=comparison.original,
                augmented=comparison.augmented,
                relative_gain=_finite(comparison.relative_gain),
                ci_low=_finite(comparison.low),
                ci_high=_finite(comparison.high),
                p_value=_corrected(compared, name, metric),
                n_seeds=n_seeds,
                n_users=n_users,
            )
            rows.append(row)
    return rows


def _read_per_user(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
        pairs = [
            table.filter(pc.equal(table["variant"], variant)).select(["seed", "user"])
            for variant in ("original", "augmented")
        ]
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not a table of metrics by user ({reason})",
            "Parquet with columns variant, seed, user and metrics",
            "run the stage that evaluates again",
            file=path,
        ) from error
    order = [("seed", "ascending"), ("user", "ascending")]
    if not len(pairs[0]) or not pairs[0].sort_by(order).equals(pairs[1].sort_by(order)):
        raise InputError(
            f"{len(pairs[0])} rows of the original and {len(pairs[1])} of the augmented data",
            "the same seeds and users in both",
            "run the stage that evaluates again",
            file=path,
        )
    return table


def _corrected(
    compared: Mapping[str, Mapping[str, Comparison]], recommender: str, metric: str
) -> float:
    p_values = {name: rows[metric].p_value for name, rows in compared.items() if metric in rows}
    return holm(p_values)[recommender]


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def judge(row: Row) -> Verdict:
    """`helps`: the interval lies above 0 and the corrected p below `LEVEL`. `does not help`: it
    ends below `SMALLEST_GAIN`. Anything else leaves the question open."""
    low, high = row["ci_low"], row["ci_high"]
    if low is None or high is None:
        return Verdict.CANNOT_TELL
    if low > 0 and row["p_value"] < LEVEL:
        return Verdict.HELPS
    return Verdict.DOES_NOT_HELP if high < SMALLEST_GAIN else Verdict.CANNOT_TELL


def sentence(row: Row, amount: float) -> str:
    """The answer for one recommender; `amount` is the one that validation chose."""
    name, metric = recommender_name(row["recommender"]), metric_name(row["metric"])
    if amount == 0:
        return (
            f"Augmentation does not help {name}: validation chose amount 0, that is, none of the "
            f"generated items, so both data sets are the same ({metric} {row['original']:.4f})."
        )
    claim = {
        Verdict.HELPS: f"Augmentation helps {name}",
        Verdict.DOES_NOT_HELP: f"Augmentation does not help {name}",
        Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}",
    }[judge(row)]
    return (
        f"{claim}: with {amount:g} generated items for each item of a history, {metric} goes from "
        f"{row['original']:.4f} to {row['augmented']:.4f}, {percent(row['relative_gain'])} "
        f"(95 % interval {interval(row)}, {p_text(row['p_value'])}; {row['n_seeds']} seeds, "
        f"{row['n_users']} users)."
    )


def recommender_name(recommender: str) -> str:
    """`mf` -> `MF`; names that are not known stay as they are."""
    return RECOMMENDER_NAMES.get(recommender, recommender)


def metric_name(metric: str) -> str:
    """`ndcg_at_20` -> `NDCG@20`."""
    name, _, cutoff = metric.partition("_at_")
    return f"{METRIC_NAMES.get(name, name)}@{cutoff}" if cutoff else name


def percent(share: float | None) -> str:
    """0.123 -> `+12.3 %`, with a true minus sign."""
    if share is None:
        return "n/a"
    rounded = round(100 * share, 1) + 0.0  # which makes -0.0 a 0.0
    return f"{rounded:+.1f} %".replace("-", "\N{MINUS SIGN}")


def interval(row: Row) -> str:
    if row["ci_low"] is None or row["ci_high"] is None:
        return "n/a"
    return f"{percent(row['ci_low']).removesuffix(' %')} to {percent(row['ci_high'])}"


def p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def verdict_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text for a terminal."""
    head = (
        "recommender",
        "metric",
        "original",
        "augmented",
        "gain",
        "95 % interval",
        "p",
        "verdict",
    )
    cells = [head] + [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            percent(row["relative_gain"]),
            interval(row),
            p_text(row["p_value"]).removeprefix("p ").removeprefix("= "),
            str(judge(row)),
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = (0, 1, 7)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
