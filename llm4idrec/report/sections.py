"""What the evaluation of a recommender left, and what the report says of it in words and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.metrics.popularity_bands import BANDS
from llm4idrec.report.markup import table
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.leads import (
    LANGUAGE_MODEL,
    SourceRow,
    Standing,
    lead_sentence,
    source_name,
    standing,
)
from llm4idrec.verdict.verdict import (
    Row,
    Verdict,
    interval,
    judge,
    metric_name,
    p_text,
    percent,
    recommender_name,
    sentence,
)


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation of one recommender left, and its rows of the comparison."""

    name: str
    rows: Sequence[Row]
    sources: Sequence[SourceRow]
    selection: Mapping[str, Any]
    summary: Mapping[str, float]
    history: pa.Table
    per_user: pa.Table

    @classmethod
    def read(cls, folder: Path, rows: Iterable[Row], sources: Iterable[SourceRow]) -> Evaluation:
        """`rows` and `sources` may be of other recommenders too."""
        return cls(
            folder.name,
            [row for row in rows if row["recommender"] == folder.name],
            [row for row in sources if row["recommender"] == folder.name],
            read_json(folder / "selection.json"),
            read_json(folder / "summary.json"),
            pq.read_table(folder / "history.parquet"),
            pq.read_table(folder / "per_user.parquet"),
        )

    @property
    def title(self) -> str:
        return recommender_name(self.name)

    @property
    def metric(self) -> str:
        """The metric that chose the amount; the verdict is about the same one on the test set."""
        return str(self.selection["metric"])

    @property
    def headline(self) -> Row:
        return next(row for row in self.rows if row["metric"] == self.metric)

    @property
    def scores(self) -> dict[Augmentation, list[float]]:
        """What there was to choose from, the first of it nothing, and what validation says of it:
        the metric's mean over the users with each seed."""
        return {
            Augmentation(choice["amount"], choice["popularity_exponent"]): choice["by_seed"]
            for choice in self.selection["scores"]
        }

    @property
    def augmentations(self) -> list[Augmentation]:
        return list(self.scores)

    @property
    def chosen(self) -> Augmentation:
        return Augmentation(**self.selection["chosen"])

    @property
    def controls(self) -> list[str]:
        """The controls that were fitted."""
        return [row["source"] for row in self.sources_of(self.metric)][1:]

    @property
    def ahead_of_all(self) -> bool:
        """Whether the language model is ahead of every control."""
        rows = self.sources_of(self.metric)[1:]
        return bool(rows) and all(standing(row) == Standing.AHEAD for row in rows)

    @property
    def recall(self) -> str:
        """Recall at the cutoff of `metric`."""
        return f"recall_at_{self.metric.rpartition('_')[2]}"

    def sources_of(self, metric: str) -> list[SourceRow]:
        """The language model's row, then those of the controls."""
        return [row for row in self.sources if row["metric"] == metric]


def summary(evaluations: Sequence[Evaluation]) -> str:
    """The answer over all recommenders, in words."""
    answers = [judge(evaluation.headline) for evaluation in evaluations]
    helped = [e for e, a in zip(evaluations, answers, strict=True) if a == Verdict.HELPS]
    ahead = [e.title for e in helped if e.ahead_of_all]
    if len(evaluations) == 1:
        name = evaluations[0].title
        text = f"Augmentation {answers[0]} {name}."  # `helps` or `does not help`
        if answers[0] == Verdict.CANNOT_TELL:
            text = f"These data cannot tell whether augmentation helps {name}."
        lead = "is ahead of every control" if ahead else "is not ahead of every control"
    else:
        text = f"Augmentation helps {len(helped)} of {len(evaluations)} recommenders."
        lead = f"is ahead of every control for {', '.join(ahead) or 'none of them'}"
    return f"{text} The language model {lead}." if any(e.controls for e in helped) else text


def verdict(evaluation: Evaluation) -> str:
    """The answer for one recommender: the gain at a glance, and in words."""
    row = evaluation.headline
    answer = judge(row)
    gain = "<b>nothing added</b>"
    if evaluation.chosen.amount:
        spread = f"95 % interval {interval(row['ci_low'], row['ci_high'])}"
        gain = f"<b>{percent(row['relative_gain'])}</b> "
        gain += f"<small>{metric_name(evaluation.metric)}, {spread}</small>"
    words = sentence(row, evaluation.chosen), lead_sentence(evaluation.sources_of(row["metric"]))
    return (
        f'<div class="verdict {str(answer).replace(" ", "-")}">'
        f'<h3>{escape(evaluation.title)} <span class="badge">{answer}</span></h3>'
        f'<p class="gain">{gain}</p>'
        + "".join(f"<p>{escape(word)}</p>" for word in words)
        + "</div>"
    )


def results(evaluation: Evaluation, metric: str) -> str:
    """Original, language model and controls side by side."""
    head = ("Added items from", metric_name(metric), "gain", "lead of the language model")
    rows = evaluation.sources_of(metric)
    original = next(row["original"] for row in evaluation.rows if row["metric"] == metric)
    lines: list[Sequence[str]] = [("nothing<small>original</small>", f"{original:.4f}", "", "")]
    for row in rows:
        name = f"{source_name(row['source'])}<small>{row['generated_pairs']:,.0f} pairs</small>"
        gain = _effect(row["relative_gain"], row["ci_low"], row["ci_high"], row["p_value"])
        lead = ""
        if (p_value := row["lead_p_value"]) is not None:
            lead = _effect(row["lead"], row["lead_low"], row["lead_high"], p_value)
            lead += f"<small>{standing(row)}</small>"
        lines.append((name, f"{row['value']:.4f}", gain, lead))
    return table(f"{evaluation.title}, {metric_name(metric)}", head, lines)


def _effect(change: float | None, low: float | None, high: float | None, p_value: float) -> str:
    """A relative change with, below or beside it, its interval and p."""
    spread = f"<small>{interval(low, high).removesuffix(' %')}</small>"
    return f"{percent(change)}{spread}<small>{escape(p_text(p_value))}</small>"


def every_metric(evaluation: Evaluation) -> str:
    """Original against augmented data."""
    head = ("", "original", "augmented", "gain")
    lines = [
        (
            metric_name(row["metric"]),
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            _effect(row["relative_gain"], row["ci_low"], row["ci_high"], row["p_value"]),
        )
        for row in evaluation.rows
    ]
    return table(evaluation.title, head, lines)


def by_popularity(evaluation: Evaluation) -> str:
    """Recall within bands of item popularity, and what the recommender puts forward."""
    cutoff = evaluation.metric.rpartition("_")[2]
    head = ("Added items from", *BANDS, "items shown", "mean popularity")
    lines = []
    for variant in ("original", LANGUAGE_MODEL, *evaluation.controls):
        recalls = [evaluation.summary.get(f"{variant}_recall_at_{cutoff}_{b}") for b in BANDS]
        shown = evaluation.summary[f"{variant}_coverage_at_{cutoff}"]
        popularity = evaluation.summary[f"{variant}_popularity_at_{cutoff}"]
        cells = ("n/a" if recall is None else f"{recall:.4f}" for recall in recalls)
        lines.append((source_name(variant), *cells, f"{100 * shown:.1f} %", f"{popularity:.0f}"))
    return table(f"{evaluation.title}, Recall@{cutoff}", head, lines)
