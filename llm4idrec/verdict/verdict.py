"""Does augmentation help? Rows of numbers, and the plain answer to each."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.errors import InputError
from llm4idrec.metrics.significance import Comparison, compare, holm, seeds_by_users
from llm4idrec.runtime.files import read_table

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


def compare_recommenders(
    evaluations: Sequence[Path], dataset: str, protocol: str, file: str = "per_user.parquet"
) -> list[Row]:
    """Rows of that file in each evaluation folder, which is named as its recommender.

    Raises `InputError` if a folder has none, or its users or metrics differ between the variants.
    """
    tables = {folder.name: read_per_user(folder / file) for folder in evaluations}
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
                relative_gain=finite(comparison.relative_gain),
                ci_low=finite(comparison.low),
                ci_high=finite(comparison.high),
                p_value=_corrected(compared, name, metric),
                n_seeds=n_seeds,
                n_users=n_users,
            )
            rows.append(row)
    return rows


def read_per_user(path: Path) -> pa.Table:
    """Columns variant, seed, user and metrics; every variant has the same seeds and users, or, if
    it is a control, the first of the seeds."""
    table = read_table(path)
    try:
        variants = dict.fromkeys(["original", "augmented", *table["variant"].to_pylist()])
        pairs = {
            variant: table.filter(pc.equal(table["variant"], variant))
            .select(["seed", "user"])
            .sort_by([("seed", "ascending"), ("user", "ascending")])
            for variant in variants
        }
    except (pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not a table of metrics by user ({reason})",
            "Parquet with columns variant, seed, user and metrics",
            "run the stage that evaluates again",
            file=path,
        ) from error
    original = pairs["original"]
    n_users = len(pc.unique(original["user"]))
    for variant, others in pairs.items():
        first = original.slice(0, len(others))
        enough = len(others) == len(original) or variant not in ("original", "augmented")
        if not len(others) or not enough or len(others) % n_users or not first.equals(others):
            raise InputError(
                f"{len(original)} rows of the original and {len(others)} of the {variant} data",
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


def finite(number: float) -> float | None:
    """Null, as JSON knows no NaN and no infinity."""
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


def sentence(row: Row, chosen: Augmentation) -> str:
    """The answer for one recommender; `chosen` is what validation chose to add."""
    name, metric = recommender_name(row["recommender"]), metric_name(row["metric"])
    if chosen.amount == 0:
        return (
            f"Augmentation does not help {name}: validation chose amount 0, that is, none of the "
            f"generated items, so both data sets are the same ({metric} {row['original']:.4f})."
        )
    exponent = chosen.popularity_exponent
    order = f" (popularity discount {exponent:g})" if exponent else ""
    claim = {
        Verdict.HELPS: f"Augmentation helps {name}",
        Verdict.DOES_NOT_HELP: f"Augmentation does not help {name}",
        Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}",
    }[judge(row)]
    return (
        f"{claim}: with {chosen.amount:g} generated items for each item of a history{order}, "
        f"{metric} goes from {row['original']:.4f} to {row['augmented']:.4f}, "
        f"{percent(row['relative_gain'])} "
        f"(95 % interval {interval(row['ci_low'], row['ci_high'])}, {p_text(row['p_value'])}; "
        f"{row['n_seeds']} seed{'' if row['n_seeds'] == 1 else 's'}, {row['n_users']} users)."
    )


def cost_sentence(seconds: float) -> str:
    """What the language model cost."""
    return f"Base model, adapter and generation took {seconds / 60:,.1f} minutes."


def recommender_name(recommender: str) -> str:
    """`mf` -> `MF`; names that are not known stay as they are."""
    return RECOMMENDER_NAMES.get(recommender, recommender)


def metric_name(metric: str) -> str:
    """`ndcg_at_20` -> `NDCG@20`."""
    name, _, cutoff = metric.partition("_at_")
    return f"{METRIC_NAMES.get(name, name)}@{cutoff}" if cutoff else name


def percent(ratio: float | None) -> str:
    """0.123 -> `+12.3 %`, with a true minus sign."""
    if ratio is None:
        return "n/a"
    rounded = round(100 * ratio, 1) + 0.0  # which makes -0.0 a 0.0
    return f"{rounded:+.1f} %".replace("-", "\N{MINUS SIGN}")


def interval(low: float | None, high: float | None) -> str:
    """`+1.0 to +2.5 %`."""
    if low is None or high is None:
        return "n/a"
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def p_cell(p_value: float) -> str:
    """The same below a heading that says p."""
    return p_text(p_value).removeprefix("p ").removeprefix("= ")


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
    cells = [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            percent(row["relative_gain"]),
            interval(row["ci_low"], row["ci_high"]),
            p_cell(row["p_value"]),
            str(judge(row)),
        )
        for row in rows
    ]
    return align([head, *cells], left=(0, 1, 7))


def align(lines: Sequence[Sequence[str]], left: Container[int]) -> str:
    """Lines of cells as text in columns; those whose place is in `left` begin together."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
