"""The report's charts of gains with their intervals: by source, metric and length of history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from llm4idrec.config.recommenders import is_seeded
from llm4idrec.data.interactions import LongArray
from llm4idrec.metrics.significance import Comparison, compare, seeds_by_users
from llm4idrec.report.charts.forest import LIGHT, STRONG, Interval, forest_chart
from llm4idrec.report.charts.svg import legend
from llm4idrec.report.markup import table
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import Verdict, standing
from llm4idrec.verdict.variants import COMPARED, LANGUAGE_MODEL
from llm4idrec.verdict.wording import metric_name, p_cell, percent, source_name

COLORS = {
    "the language model, and its interval": STRONG,
    "others in its place": LIGHT,
}


def by_source(evaluations: Sequence[Evaluation]) -> str:
    """The headline metric's gain of the language model and, below it, of the controls."""
    groups = {e.title: [_source(row) for row in e.sources_of(e.metric)] for e in evaluations}
    label = f"gain in {metric_name(evaluations[0].metric)} over the original data, %"
    return forest_chart(groups, label, ("gain", "model is")) + legend(COLORS)


def _source(row: SourceRow) -> Interval:
    own = row["source"] == LANGUAGE_MODEL
    word = str(standing(row))
    if own:
        word = "" if row["amount"] else str(Verdict.NOTHING_CHOSEN)
    return Interval(
        source_name(row["source"]),
        row["ci_low"],
        row["relative_gain"],
        row["ci_high"],
        (percent(row["relative_gain"]), word),
        strong=own,
    )


def by_metric(evaluation: Evaluation) -> str:
    """Every metric's gain of the language model."""
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
    original, augmented = (
        seeds_by_users(evaluation.per_user, variant, evaluation.metric) for variant in COMPARED
    )
    lengths = history_lengths[np.unique(evaluation.per_user["user"].to_numpy())]
    seeded = is_seeded(evaluation.name)
    third = np.searchsorted(np.quantile(lengths, (1 / 3, 2 / 3)), lengths)
    for group in np.unique(third):
        users = third == group
        shortest, longest = lengths[users].min(), lengths[users].max()
        span = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        change = compare(original[:, users], augmented[:, users], seeded=seeded)
        yield span, f"{users.sum():,}", change
