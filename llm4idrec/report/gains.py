"""The report's charts of gains with their intervals: by source, metric and length of history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, has_ease
from llm4idrec.data.interactions import LongArray
from llm4idrec.metrics.significance import Comparison, compare
from llm4idrec.report.charts.forest import LIGHT, STRONG, Interval, forest_chart
from llm4idrec.report.charts.svg import legend
from llm4idrec.report.markup import table
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.judgement import Verdict, standing
from llm4idrec.verdict.per_user import pair
from llm4idrec.verdict.wording import arm_name, metric_name, p_cell, percent

SHORT = {
    "language_model+ease": "model + EASE",
    "base_model": "base model",
    "base_model+ease": "base + EASE",
    "popularity+ease": "popular + EASE",
    "random+ease": "random + EASE",
    "self+ease": "self + EASE",
}
"""Names that have room in a chart."""
COLORS = {
    "the language model, and its interval": STRONG,
    "others in its place": LIGHT,
}


def by_arm(evaluations: Sequence[Evaluation], *, ease: bool) -> str:
    """The headline metric's gain of the language model and, below it, of the other arms: those that
    are alone, or those together with EASE. What adds nothing is left out, but for the language
    model; empty if nothing is left."""
    groups = {
        e.title: [
            _arm(row)
            for row in e.arms_of(e.metric)
            if has_ease(row["arm"]) == ease and (row["amount"] or row["arm"] == LANGUAGE_MODEL)
        ]
        for e in evaluations
    }
    groups = {title: rows for title, rows in groups.items() if rows}
    if not groups:
        return ""
    label = f"gain in {metric_name(evaluations[0].metric)} over the original data, %"
    chart = forest_chart(groups, label, ("gain", "model is"))
    return chart if ease else chart + legend(COLORS)


def _arm(row: ArmRow) -> Interval:
    own = row["arm"] == LANGUAGE_MODEL
    word = str(standing(row))
    gain = percent(row["relative_gain"]) if row["amount"] else ""
    if own:
        word = "" if row["amount"] else str(Verdict.NOTHING_CHOSEN)
    return Interval(
        SHORT.get(row["arm"], arm_name(row["arm"])),
        row["ci_low"],
        row["relative_gain"],
        row["ci_high"],
        (gain, word),
        strong=own,
    )


def by_metric(evaluation: Evaluation) -> str:
    """Every metric's gain of the language model alone."""
    rows = [
        Interval(
            metric_name(row["metric"]),
            row["ci_low"],
            row["relative_gain"],
            row["ci_high"],
            (percent(row["relative_gain"]), p_cell(row["p_value"])),
        )
        for row in evaluation.rows
    ]
    chart = forest_chart({evaluation.title: rows}, "gain over the original data, %", ("gain", "p"))
    return f"<figure>{chart}</figure>"


def by_history(evaluations: Sequence[Evaluation], history_lengths: LongArray) -> tuple[str, str]:
    """The headline metric over thirds of the test users, by length of train history: a chart of the
    gains, and tables of what is behind it."""
    groups: dict[str, list[Interval]] = {}
    tables = []
    for evaluation in evaluations:
        rows, lines = groups.setdefault(evaluation.title, []), []
        for span, users, change in _thirds(evaluation, history_lengths):
            gain = change.relative_gain
            notes = percent(gain), users
            rows.append(Interval(f"{span} items", change.low, gain, change.high, notes))
            values = f"{change.original:.4f}", f"{change.augmented:.4f}"
            lines.append((span, users, *values, percent(gain)))
        title = f"{evaluation.title}, {metric_name(evaluation.metric)}"
        tables.append(table(title, ("items", "users", "original", "augmented", "gain"), lines))
    label = f"gain in {metric_name(evaluations[0].metric)}, %"
    chart = forest_chart(groups, label, ("gain", "users"))
    return chart, "".join(tables)


def _thirds(
    evaluation: Evaluation, history_lengths: LongArray
) -> Iterator[tuple[str, str, Comparison]]:
    """The lengths of history, the number of users, and what augmentation does to them."""
    runs = evaluation.selection.runs
    both = ORIGINAL, LANGUAGE_MODEL
    original, augmented = pair(evaluation.per_user, both, evaluation.metric, runs=runs)
    lengths = history_lengths[np.unique(evaluation.per_user["user"].to_numpy())]
    third = np.searchsorted(np.quantile(lengths, (1 / 3, 2 / 3)), lengths)
    for group in np.unique(third):
        users = third == group
        shortest, longest = lengths[users].min(), lengths[users].max()
        span = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        change = compare(original[:, users], augmented[:, users])
        yield span, f"{users.sum():,}", change
