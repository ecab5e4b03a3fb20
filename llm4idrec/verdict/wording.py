"""How names and figures are written: in the terminal, in the report and in MLflow."""

from __future__ import annotations

from collections.abc import Container, Sequence

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.variants import LANGUAGE_MODEL, ORIGINAL

METRIC_NAMES = {"recall": "Recall", "ndcg": "NDCG", "hr": "HR", "mrr": "MRR"}
RECOMMENDER_NAMES = {
    "popularity": "Popularity",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "ials": "iALS",
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
SOURCE_NAMES = {
    ORIGINAL: "nothing",
    LANGUAGE_MODEL: "language model",
    "random": "random items",
    "popularity": "popular items",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "sasrec": "SASRec",
    "self": "self-training",
}


def recommender_name(recommender: str) -> str:
    """`mf` -> `MF`; names that are not known stay as they are."""
    return RECOMMENDER_NAMES.get(recommender, recommender)


def metric_name(metric: str) -> str:
    """`ndcg_at_20` -> `NDCG@20`."""
    name, _, cutoff = metric.partition("_at_")
    return f"{METRIC_NAMES.get(name, name)}@{cutoff}" if cutoff else name


def source_name(source: str) -> str:
    """`augmented` -> `language model`."""
    return SOURCE_NAMES.get(source, source)


def augmentation_name(augmentation: Augmentation) -> str:
    """`amount 0.1, popularity discount 1`."""
    exponent = augmentation.popularity_exponent
    return f"amount {augmentation.amount:g}, popularity discount {exponent:g}"


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


def p_text(p_value: float | None) -> str:
    """`p = 0.012`; below 0.001 no digits."""
    if p_value is None:
        return "no p"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def p_cell(p_value: float | None) -> str:
    """The same below a heading that says p."""
    if p_value is None:
        return "n/a"
    return p_text(p_value).removeprefix("p ").removeprefix("= ")


def seeds_text(n_seeds: int) -> str:
    """`1 seed`, `5 seeds`."""
    return f"{n_seeds} seed{'' if n_seeds == 1 else 's'}"


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
