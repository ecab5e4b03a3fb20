"""The comparison in a few numbers, for tools that show changes."""

from __future__ import annotations

from collections.abc import Sequence

from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.variants import LANGUAGE_MODEL


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
        numbers["lead"] = _lead_over_best_control(sources, name)
    return found


def _lead_over_best_control(sources: Sequence[SourceRow], recommender: str) -> float | None:
    """The language model's, in the metric which chose the amount, over the control whose value is
    the largest; None without controls."""
    controls = [
        row
        for row in sources
        if row["headline"] and row["recommender"] == recommender and row["source"] != LANGUAGE_MODEL
    ]
    return max(controls, key=lambda row: row["value"])["lead"] if controls else None
