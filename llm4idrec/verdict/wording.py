"""How names and figures are written: in the terminal, in the report and in MLflow."""

from __future__ import annotations

from collections.abc import Container, Sequence

from llm4idrec.augmentation.arms import (
    BASE_MODEL,
    LANGUAGE_MODEL,
    ORIGINAL,
    SELF,
    has_ease,
    is_fused,
    source_of,
    unfused,
)
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.bottom_line import System
from llm4idrec.verdict.variants import uses_language_model

METRIC_NAMES = {"recall": "Recall", "ndcg": "NDCG", "hr": "HR", "mrr": "MRR"}
RECOMMENDER_NAMES = {
    "popularity": "Popularity",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "svd": "SVD",
    "ials": "iALS",
    "mf": "MF",
    "lightgcn": "LightGCN",
    "simgcl": "SimGCL",
    "xsimgcl": "XSimGCL",
    "ncl": "NCL",
    "sasrec": "SASRec",
    "bert4rec": "BERT4Rec",
    "cl4srec": "CL4SRec",
    "lm": "LM",
    "p5": "P5",
    "cid": "CID+IID",
}
AT_POPULAR_LEVEL = {"p5", "cid"}
"""Recommenders that, trained from scratch, rank nearer to popular items than to the others."""
SOURCE_NAMES = {
    ORIGINAL: "nothing",
    LANGUAGE_MODEL: "language model",
    BASE_MODEL: "base model without adapter",
    "svd": "SVD",
    "random": "random items",
    "popularity": "popular items",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "sasrec": "SASRec",
    "self": "self-training",
}
OWN_RANKING = {
    LANGUAGE_MODEL: "the language model's own ranking",
    BASE_MODEL: "the base model's own ranking, without adapter",
}


def recommender_name(recommender: str) -> str:
    """`mf` -> `MF`; names that are not known stay as they are."""
    return RECOMMENDER_NAMES.get(recommender, recommender)


def metric_name(metric: str) -> str:
    """`ndcg_at_20` -> `NDCG@20`."""
    name, _, cutoff = metric.partition("_at_")
    return f"{METRIC_NAMES.get(name, name)}@{cutoff}" if cutoff else name


def arm_name(variant: str) -> str:
    """By what it contains: `svd+ease` -> `SVD + EASE`, `original&ease` -> `nothing, fused with
    EASE`."""
    arm = unfused(variant)
    source = source_of(arm)
    name = SOURCE_NAMES.get(source, source) + (" + EASE" if has_ease(arm) else "")
    return f"{name}, fused with EASE" if is_fused(variant) else name


def system_names(systems: Sequence[System]) -> list[str]:
    """Of each; what has the name of a recommender, and other figures, ranks by itself."""
    names = [system_name(system) for system in systems]
    return [
        f"{name}, by itself" if system["recommender"] is None and names.count(name) > 1 else name
        for name, system in zip(names, systems, strict=True)
    ]


def system_name(system: System) -> str:
    """`iALS`, `iALS with items from SVD`, `the language model's own ranking, fused with EASE`."""
    recommender, variant = system["recommender"], unfused(system["variant"])
    article = "the " if uses_language_model(variant) else ""
    if recommender is None:
        name = OWN_RANKING.get(variant, arm_name(variant))
    elif variant == ORIGINAL:
        name = recommender_name(recommender)
    else:
        source = f"items from {article}{arm_name(variant)}"
        if source_of(variant) == SELF:
            source = f"its own best items{' + EASE' * has_ease(variant)}"
        name = f"{recommender_name(recommender)} with {source}"
    if not is_fused(system["variant"]):
        return name
    return f"{name}{'' if variant == ORIGINAL else ','} fused with EASE"


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


def value_interval(low: float, high: float) -> str:
    """`0.0801 to 0.1002`."""
    return f"{low:.4f} to {high:.4f}".replace("-", "\N{MINUS SIGN}")


def units_text(n_seeds: int, n_units: int) -> str:
    """`1 seed`, `5 seeds`; `5 seeds in 3 runs` where seeds that share one count as one."""
    text = f"{n_seeds} seed{'' if n_seeds == 1 else 's'}"
    return text if n_units == n_seeds else f"{text} in {n_units} runs"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


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
