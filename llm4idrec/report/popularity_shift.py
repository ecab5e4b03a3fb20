"""The report's chart of popularity: of the train set, of what is added, of what is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, has_ease, source_of
from llm4idrec.data.interactions import Interactions
from llm4idrec.metrics.popularity_bands import BANDS, band_shares, item_bands
from llm4idrec.report.charts.charts import Shares, share_chart
from llm4idrec.report.gains import SHORT
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.additions import Addition
from llm4idrec.verdict.variants import grouped
from llm4idrec.verdict.wording import arm_name

COLORS = ("var(--head)", "var(--middle)", "var(--tail)")
LABEL = "shares of popular and rare items"


def popularity_shift(
    evaluations: Sequence[Evaluation], additions: Sequence[Addition], train: Interactions
) -> str:
    """Shares of the bands of popularity among train's pairs, those that each arm adds for a
    recommender, at what it chose, and the items that the recommender recommends before and after.

    Of arms together with EASE the language model's alone is shown.
    """
    bands = item_bands(train)
    own = band_shares(train.item, bands)
    groups = {"In the train set": [_row("interactions", own, 1.0)]}
    described = {(a.arm, a.augmentation): a for a in additions}
    for evaluation in evaluations:
        choices = {arm: choice.chosen for arm, choice in evaluation.selection.arms.items()}
        added = [
            _row(SHORT.get(arm, arm_name(arm)), its.bands, its.relative_popularity)
            for arm in grouped(list(choices))
            if (its := described.get((arm, choices[arm])))
            and (not has_ease(arm) or source_of(arm) == LANGUAGE_MODEL)
        ]
        if added:
            groups[f"Added for {evaluation.title}"] = added
    mean = float(train.item_counts[train.item].mean())
    for evaluation in evaluations:
        if rows := _recommended(evaluation, mean):
            groups[f"Recommended by {evaluation.title}, trained on"] = rows
    items = np.bincount(bands, minlength=len(BANDS))
    keys = (f"{band}: {n:,} items" for band, n in zip(BANDS, items, strict=True))
    return share_chart(groups, dict(zip(keys, COLORS, strict=True)), label=LABEL, head="mean")


def _recommended(evaluation: Evaluation, mean: float) -> list[Shares]:
    """Before and after; empty if the evaluation does not tell."""
    names = {ORIGINAL: "original data", LANGUAGE_MODEL: "augmented data"}
    rows = []
    for variant, name in names.items() if evaluation.chosen.amount else ():
        keys = {band: f"{variant}_share_at_{evaluation.cutoff}_{band}" for band in BANDS}
        if set(keys.values()) <= evaluation.summary.keys():
            shares = {band: evaluation.summary[key] for band, key in keys.items()}
            popularity = evaluation.summary[f"{variant}_popularity_at_{evaluation.cutoff}"]
            rows.append(_row(name, shares, popularity / mean))
    return rows


def _row(name: str, shares: Mapping[str, float], relative_popularity: float) -> Shares:
    return Shares(name, [shares[band] for band in BANDS], f"×{relative_popularity:.2f}")
