"""The page about a tuning: what was tried, what it gave, what mattered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from llm4idrec.report.charts.charts import Bar, Line, bar_chart, line_chart
from llm4idrec.report.markup import figure, table
from llm4idrec.report.page import write_page
from llm4idrec.tuning.filter_tuning import FilterChoice, FilterTuning
from llm4idrec.tuning.gain import gain
from llm4idrec.tuning.trials import Trial, best_trial, untuned_value
from llm4idrec.verdict.wording import metric_name, percent, recommender_name

TEMPLATE = Path(__file__).with_suffix(".html")
NAMES = {
    "amount": "amount",
    "min_votes": "least votes",
    "least_probable": "share cut off as least probable",
    "popularity_exponent": "popularity discount",
}
MATTERED = "How much each setting mattered"
COMPLETE, PRUNED, CHOSEN = "var(--a2)", "var(--original)", "var(--yes)"


def write_tuning_page(
    path: Path,
    trials: Sequence[Trial],
    tuning: FilterTuning,
    *,
    importances: Mapping[str, float],
    dataset: str,
    params: Path,
) -> None:
    """Write the page about the `trials` of `tuning` to `path`; the first trial adds nothing.

    `importances` are shares of 1 by setting, and empty where there are too few trials to tell;
    `dataset` is the data's name, `params` the file that `filter.source` may name.
    """
    recommender, metric = recommender_name(tuning.recommender), metric_name(tuning.metric)
    best, seeds = best_trial(trials), len(trials[0].by_seed)
    bars = [Bar(NAMES[name], share, f"{100 * share:.0f} %") for name, share in importances.items()]
    helps = (gain(best.value, trials[0].value) or 0) > 0
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(dataset),
        recommender=escape(recommender),
        metric=metric,
        seeds=f"{seeds} seeds" if seeds > 1 else "one training",
        kind="helps" if helps else "harms",
        answer=escape(_answer(trials, tuning, metric)),
        params=escape(str(params)),
        history=figure("By trial", _history(trials, metric)),
        importances=figure(MATTERED, bar_chart(bars, "importance")) if bars else "",
        slices="".join(
            figure(NAMES[name].capitalize(), _slice(trials, name, metric))
            for name in FilterChoice._fields
        ),
        trials=_table(trials, metric),
    )
    write_page(path, f"Which filter is best for {recommender}? {dataset}", body)


def _answer(trials: Sequence[Trial], tuning: FilterTuning, metric: str) -> str:
    best, nothing = best_trial(trials), trials[0]
    value = untuned_value(trials, tuning)
    change = percent(gain(best.value, nothing.value))
    text = f"Best of {len(trials)} trials, number {best.number}: {best.choice.amount:.2f} generated"
    text += f" items for each of a history, {metric} {best.value:.4f} on validation, {change}"
    text += f" over nothing added ({nothing.value:.4f})."
    if value is not None:
        text += (
            f" The settings of params.yaml: {value:.4f} ({percent(gain(value, nothing.value))})."
        )
    return text


def _history(trials: Sequence[Trial], metric: str) -> str:
    best_so_far, points = 0.0, []
    for trial in trials:
        best_so_far = max(best_so_far, trial.value or 0.0)
        points.append((float(trial.number), best_so_far))
    nothing = [(x, points[0][1]) for x in (0.0, float(trials[-1].number))]
    lines = [
        Line("best so far", points, CHOSEN),
        Line("nothing added", nothing, "var(--ink)"),
        *_dots(trials, lambda trial: float(trial.number)),
    ]
    return line_chart(lines, "trial", metric)


def _slice(trials: Sequence[Trial], name: str, metric: str) -> str:
    added = [trial for trial in trials if trial.choice.amount or name == "amount"]
    return line_chart(_dots(added, lambda t: float(getattr(t.choice, name))), NAMES[name], metric)


def _dots(trials: Sequence[Trial], across: Callable[[Trial], float]) -> list[Line]:
    best = best_trial(trials)
    groups = {
        "pruned": (PRUNED, [t for t in trials if t.outcome == "pruned"]),
        "complete": (COMPLETE, [t for t in trials if t.by_seed and t is not best]),
        "best": (CHOSEN, [best]),
    }
    return [
        Line(name, [(across(t), _height(t)) for t in its], color, loose=True)
        for name, (color, its) in groups.items()
        if its
    ]


def _height(trial: Trial) -> float:
    """A pruned trial's is the best that it came to."""
    return trial.value or max(value for _, _, value in trial.validations)


def _table(trials: Sequence[Trial], metric: str) -> str:
    head = ("trial", "amount", "votes", "cut off", "discount", metric, "gain", "")
    best, lines = best_trial(trials), []
    for trial in trials:
        choice = trial.choice
        cells = (f"{x:g}" if isinstance(x, int) else f"{x:.2f}" for x in choice)
        value = "" if trial.value is None else f"{trial.value:.4f}"
        change = "" if trial.value is None else percent(gain(trial.value, trials[0].value))
        mark = "<b>best</b>" if trial is best else trial.outcome
        lines.append((str(trial.number), *cells, value, change, mark))
    return table("", head, lines)
