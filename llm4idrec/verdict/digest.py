"""The comparison in a few numbers, for tools that show changes."""

from __future__ import annotations

from collections.abc import Sequence

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, has_ease
from llm4idrec.verdict.bottom_line import BottomLine
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.variants import is_control

Digest = dict[str, dict[str, float | None]]
BOTTOM_LINE = "bottom_line"


def digest(arms: Sequence[ArmRow], bottom_line: BottomLine) -> Digest:
    """What to serve, then by recommender what a language model gives it.

    `bottom_line` has the chosen system's value on the test set (as `ndcg` or `recall`) and on
    `validation`, and the `lead` of the best that has a language model over the best without, null
    where either is missing. A recommender has, of the rows of `controls.json` that are of the
    metric which chose the amount, its value with the language model's items, the `gain` over the
    original data, and the `lead` over the best other arm that is alone, null where there is none.
    """
    best = bottom_line["systems"][0]
    whole: dict[str, float | None] = {
        _kind(bottom_line["metric"]): best["test"],
        "validation": best["validation"],
        "lead": bottom_line["lead"],
    }
    return {BOTTOM_LINE: whole} | by_recommender(arms)


def by_recommender(arms: Sequence[ArmRow]) -> Digest:
    """The part of `digest` that is of each."""
    found: Digest = {}
    for row in (row for row in arms if row["headline"]):
        if row["arm"] == LANGUAGE_MODEL:
            numbers = {_kind(row["metric"]): row["value"], "gain": row["relative_gain"]}
            found[row["recommender"]] = numbers | {"lead": None}
    for name, numbers in found.items():
        numbers["lead"] = _lead_over_best_control(arms, name)
    return found


def _kind(metric: str) -> str:
    return metric.partition("_")[0]


def _lead_over_best_control(arms: Sequence[ArmRow], recommender: str) -> float | None:
    """The language model's, in the metric which chose the amount, over the other arm alone whose
    value is the largest; None without any."""
    controls = [
        row
        for row in arms
        if row["headline"]
        and row["recommender"] == recommender
        and is_control(row["arm"])
        and not has_ease(row["arm"])
    ]
    return max(controls, key=lambda row: row["value"])["lead"] if controls else None
