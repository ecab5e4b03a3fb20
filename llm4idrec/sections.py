"""The sections of the report that are about one recommender, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation import ORIGINAL_DATA, Augmentation
from llm4idrec.bands import BANDS
from llm4idrec.charts import COLORS, Interval, Line, interval_chart, line_chart
from llm4idrec.files import read_json
from llm4idrec.interactions import LongArray
from llm4idrec.leads import LANGUAGE_MODEL, SourceRow, lead_sentence, source_name, standing
from llm4idrec.markup import figure, table
from llm4idrec.significance import seeds_by_users
from llm4idrec.verdict import (
    Row,
    cost_sentence,
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
            Augmentation(choice["amount"], choice["popularity"]): choice["by_seed"]
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

    def sources_of(self, metric: str) -> list[SourceRow]:
        """The language model's row, then those of the controls."""
        return [row for row in self.sources if row["metric"] == metric]

    def color(self, augmentation: Augmentation) -> str:
        return COLORS[self.augmentations.index(augmentation) % len(COLORS)]


def verdict(evaluation: Evaluation, seconds: float | None) -> str:
    """The answer in words; `seconds` is what the language model cost, if that is known."""
    kind = str(judge(evaluation.headline)).replace(" ", "-")
    text = sentence(evaluation.headline, evaluation.chosen)
    cost = "" if seconds is None else f" {cost_sentence(seconds)}"
    leads = lead_sentence(evaluation.sources_of(evaluation.metric))
    return f'<p class="verdict {kind}">{escape(f"{text}{cost} {leads}")}</p>'


def results(evaluation: Evaluation) -> str:
    """Original, language model and controls side by side: the headline metric, and Recall."""
    recall = f"recall_at_{evaluation.metric.rpartition('_')[2]}"
    return "".join(_sources(evaluation, m) for m in dict.fromkeys((evaluation.metric, recall)))


def _sources(evaluation: Evaluation, metric: str) -> str:
    head = ("Added items from", metric_name(metric), "gain", "lead of the language&nbsp;model")
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
    """A relative change with, below it, its interval and p."""
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


def gains(evaluation: Evaluation) -> str:
    """A chart of every metric's gain."""
    color = evaluation.color(evaluation.chosen)
    intervals = [
        Interval(metric_name(row["metric"]), low, gain, high, color)
        for row in evaluation.rows
        if (gain := row["relative_gain"]) is not None
        and (low := row["ci_low"]) is not None
        and (high := row["ci_high"]) is not None
    ]
    return figure(evaluation.title, interval_chart(intervals, "relative gain in percent"))


def amounts(evaluation: Evaluation) -> str:
    """A chart of what validation says of each amount, a line for each order of candidates."""
    means = {a: float(np.mean(by_seed)) for a, by_seed in evaluation.scores.items()}
    metric, chosen = metric_name(evaluation.metric), evaluation.chosen
    lines = []
    for place, popularity in enumerate(sorted({a.popularity for a in means if a.amount})):
        its = sorted(a for a in means if a == ORIGINAL_DATA or a.popularity == popularity)
        seeds = zip(*(evaluation.scores[a] for a in its), strict=True)
        steps = [a.amount for a in its]
        name, color = f"popularity discount {popularity:g}", COLORS[place % len(COLORS)]
        lines += [Line(name, list(zip(steps, v, strict=True)), color, faint=True) for v in seeds]
        lines.append(Line(name, [(a.amount, means[a]) for a in its], color, marks=True))
    best = [(chosen.amount, means[chosen])]
    lines.append(Line("chosen", best, "var(--yes)", marks=True))
    return figure(evaluation.title, line_chart(lines, "amount", metric))


def curves(evaluation: Evaluation) -> str:
    """One line a training, without those of the controls; those of one augmentation share a colour,
    the first seed is in front."""
    history = evaluation.history
    series = np.asarray(history["series"].to_pylist())
    step, score = (history[c].to_numpy() for c in ("step", evaluation.metric))
    lines = []
    for augmentation in evaluation.augmentations:
        for name in dict.fromkeys(series.tolist()):
            its, _, seed = name.rpartition("/seed=")
            if its != str(augmentation):
                continue
            points = list(zip(step[series == name], score[series == name], strict=True))
            color, one = evaluation.color(augmentation), len(points) == 1
            lines.append(Line(its.replace("/", ", "), points, color, faint=seed != "0", marks=one))
    return figure(evaluation.title, line_chart(lines, "epoch", metric_name(evaluation.metric)))


def by_history(evaluation: Evaluation, history_lengths: LongArray) -> str:
    """Means of the headline metric over thirds of the test users, by length of train history."""
    original, augmented = (
        seeds_by_users(evaluation.per_user, variant, evaluation.metric).mean(axis=0)
        for variant in ("original", "augmented")
    )
    lengths = history_lengths[np.unique(evaluation.per_user["user"].to_numpy())]
    third = np.searchsorted(np.quantile(lengths, (1 / 3, 2 / 3)), lengths)
    lines = []
    for group in np.unique(third):
        users = third == group
        before, after = float(original[users].mean()), float(augmented[users].mean())
        span = f"{lengths[users].min()} to {lengths[users].max()}"
        gain = percent(after / before - 1 if before else None)
        lines.append((span, f"{users.sum():,}", f"{before:.4f}", f"{after:.4f}", gain))
    title = f"{evaluation.title}, {metric_name(evaluation.metric)}"
    return table(title, ("items", "users", "original", "augmented", "gain"), lines)


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
