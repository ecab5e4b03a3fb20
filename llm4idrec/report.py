"""The comparison as numbers (`comparison.json`, `metrics.json`) and as a page without network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.charts import COLORS, Interval, Line, bar_chart, interval_chart, line_chart
from llm4idrec.files import COST, read_json, replacing_file, write_json
from llm4idrec.interactions import Interactions, LongArray
from llm4idrec.significance import seeds_by_users
from llm4idrec.verdict import (
    LEVEL,
    SMALLEST_GAIN,
    Row,
    compare_recommenders,
    interval,
    judge,
    metric_name,
    p_text,
    percent,
    recommender_name,
    sentence,
)

TEMPLATE = Path(__file__).with_name("report.html")
FUNNEL = (
    ("not_an_item", "that name an item"),
    ("not_in_catalogue", "in the catalogue"),
    ("already_seen", "new to the user"),
    ("few_votes", "with enough votes"),
    ("low_log_probability", "probable enough"),
    ("over_amount", "within the user's amount: accepted"),
)
DATA = {
    "users": "Users",
    "catalogue_items": "Items of the catalogue",
    "train_pairs": "Train interactions",
    "valid_pairs": "Validation interactions",
    "test_pairs": "Test interactions",
    "test_pairs_outside_catalogue": "Test interactions outside the catalogue",
    "density": "Density of train",
    "pairs_read": "Interactions in the file",
    "duplicates_dropped": "Repeated pairs dropped",
    "users_sampled": "Users sampled",
    "users_removed_by_k_core": "Users removed by the k-core",
    "items_removed_by_k_core": "Items removed by the k-core",
    "users_without_train": "Users without train interactions, dropped",
    "successor_hr_at_10_as_given": "HR@10 of “the next integers after the last item”, IDs as given",
    "successor_hr_at_10_shuffled": "The same with the IDs shuffled, as the model sees them",
}


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation of one recommender left, and its rows of the comparison."""

    name: str
    rows: Sequence[Row]
    selection: Mapping[str, Any]
    summary: Mapping[str, float]
    history: pa.Table
    per_user: pa.Table

    @classmethod
    def read(cls, folder: Path, rows: Iterable[Row]) -> Evaluation:
        return cls(
            folder.name,
            [row for row in rows if row["recommender"] == folder.name],
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

    def color(self, amount: float) -> str:
        amounts = sorted(float(key) for key in self.selection["scores"])
        return COLORS[amounts.index(amount) % len(COLORS)]


def write_report(
    train: Path,
    base_model: Path,
    adapter: Path,
    generations: Path,
    candidates: Path,
    evaluations: Sequence[Path],
    out: Path,
    *,
    dataset: str,
    protocol: str,
) -> list[Row]:
    """Write `comparison.json`, `metrics.json` and `comparison.html` into `out`; return the rows.

    `metrics.json` has the summary of each recommender's evaluation under its name.

    The folders are those of their stages. `train` and `candidates` have a `summary.json`, any may
    have a `cost.json`; every folder of `evaluations` is named as its recommender.
    """
    rows = compare_recommenders(evaluations, dataset, protocol)
    read = [Evaluation.read(folder, rows) for folder in evaluations]
    data, filtered = (read_json(folder / "summary.json") for folder in (train, candidates))
    lengths = Interactions.read(train / "interactions.parquet").history_lengths
    costs = {"Base model": base_model, "Adapter": adapter, "Generation": generations}
    costs |= {f"Evaluation of {recommender_name(f.name)}": f for f in evaluations}
    html = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=f"Does augmentation help? {escape(dataset)}",
        dataset=escape(dataset),
        protocol=escape(protocol.replace("_", " ")),
        selection_metric=metric_name(read[0].metric),
        level=f"{LEVEL:g}",
        smallest_gain=percent(SMALLEST_GAIN),
        verdicts="".join(map(_verdict, read)),
        tables="".join(map(_results, read)),
        gains="".join(map(_gains, read)),
        amounts="".join(map(_amounts, read)),
        curves="".join(map(_curves, read)),
        histories="".join(_by_history(evaluation, lengths) for evaluation in read),
        funnel=_funnel(filtered),
        data=_numbers(data),
        cost=_cost(costs),
    )
    write_json(out / "comparison.json", rows)
    write_json(out / "metrics.json", {evaluation.name: evaluation.summary for evaluation in read})
    with replacing_file(out / "comparison.html") as partial:
        partial.write_text(html, encoding="utf-8")
    return rows


def _verdict(evaluation: Evaluation) -> str:
    chosen = evaluation.selection["chosen"]
    kind = str(judge(evaluation.headline)).replace(" ", "-")
    return f'<p class="verdict {kind}">{escape(sentence(evaluation.headline, chosen))}</p>'


def _results(evaluation: Evaluation) -> str:
    head = ("", "original", "augmented", "gain", "p")
    lines = [
        (
            metric_name(row["metric"]),
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            f"{percent(row['relative_gain'])}<small>{interval(row).removesuffix(' %')}</small>",
            p_text(row["p_value"]).removeprefix("p ").removeprefix("= ").replace("<", "&lt;"),
        )
        for row in evaluation.rows
    ]
    return _table(evaluation.title, head, lines)


def _gains(evaluation: Evaluation) -> str:
    color = evaluation.color(evaluation.selection["chosen"])
    intervals = [
        Interval(metric_name(row["metric"]), low, gain, high, color)
        for row in evaluation.rows
        if (gain := row["relative_gain"]) is not None
        and (low := row["ci_low"]) is not None
        and (high := row["ci_high"]) is not None
    ]
    return _figure(evaluation.title, interval_chart(intervals, "relative gain in percent"))


def _amounts(evaluation: Evaluation) -> str:
    scores = {float(amount): s for amount, s in evaluation.selection["scores"].items()}
    metric, chosen = metric_name(evaluation.metric), evaluation.selection["chosen"]
    seeds = zip(*scores.values(), strict=True)
    lines = [
        Line(f"seed {seed}", list(zip(scores, values, strict=True)), "var(--original)", faint=True)
        for seed, values in enumerate(seeds)
    ]
    means = [(amount, float(np.mean(values))) for amount, values in scores.items()]
    best = [(chosen, dict(means)[chosen])]
    lines += [
        Line("mean", means, "var(--original)", marks=True),
        Line(f"chosen: {chosen:g}", best, "var(--yes)", marks=True),
    ]
    return _figure(evaluation.title, line_chart(lines, "amount", metric))


def _curves(evaluation: Evaluation) -> str:
    """One line a training; those of one amount share a colour, the first seed is in front."""
    table = evaluation.history
    series = np.asarray(table["series"].to_pylist())
    step, score = (table[c].to_numpy() for c in ("step", evaluation.metric))
    lines = []
    for name in dict.fromkeys(series.tolist()):
        amount, seed = (part.partition("=")[2] for part in name.split("/"))
        points = list(zip(step[series == name], score[series == name], strict=True))
        color = evaluation.color(float(amount))
        lines.append(Line(f"amount {amount}", points, color, faint=seed != "0"))
    return _figure(evaluation.title, line_chart(lines, "epoch", metric_name(evaluation.metric)))


def _by_history(evaluation: Evaluation, history_lengths: LongArray) -> str:
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
    return _table(title, ("items", "users", "original", "augmented", "gain"), lines)


def _funnel(filtered: Mapping[str, float]) -> str:
    left = filtered["candidates"]
    bars = [
        ("items in all generated answers", filtered["generated"]),
        ("different pairs of user and item", left),
    ]
    for reason, name in FUNNEL:
        left -= filtered[reason]
        bars.append((name, left))
    return _figure("Left after each filter", bar_chart(bars, "candidates left after each filter"))


def _numbers(data: Mapping[str, float]) -> str:
    lines = [(name, _number(data[key])) for key, name in DATA.items() if key in data]
    return _table("", (), lines)


def _cost(folders: Mapping[str, Path]) -> str:
    lines = [
        (name, f"{read_json(folder / COST)['seconds']:,.0f} s")
        for name, folder in folders.items()
        if (folder / COST).is_file()
    ]
    return _table("", ("Stage", "Time"), lines)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _figure(caption: str, chart: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{chart}</figure>"


def _table(caption: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Cells are HTML; the caption is text."""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    names = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    return f'<div class="scroll"><table>{title}{top}<tbody>{body}</tbody></table></div>'
