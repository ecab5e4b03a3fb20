"""The report's lines of one recommender: validation by amount, and by epoch."""

from __future__ import annotations

import numpy as np

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.augmentation.arms import ORIGINAL as ORIGINAL_NAME
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.report.charts.charts import COLORS, Line, line_chart
from llm4idrec.report.markup import figure
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.wording import augmentation_name, metric_name

CHOSEN, ORIGINAL, OTHER = "var(--model)", "var(--original)", "var(--control)"


def by_amount(evaluation: Evaluation) -> str:
    """What validation says of each amount of the language model's items that was tried, a line for
    each order of candidates; what fell behind has one seed."""
    scores = evaluation.choice.scores
    means = {a: float(np.mean(by_seed)) for a, by_seed in scores.items()}
    metric, chosen = metric_name(evaluation.metric), evaluation.chosen
    lines = []
    for place, (exponent, tried) in enumerate(evaluation.choice.orders.items()):
        its = sorted(tried)
        name, color = f"popularity discount {exponent:g}", COLORS[place % len(COLORS)]
        for seed in range(len(scores[ORIGINAL_DATA])):
            by_seed = [(a.amount, scores[a][seed]) for a in its if seed < len(scores[a])]
            lines.append(Line(name, by_seed, color, faint=True))
        lines.append(Line(name, [(a.amount, means[a]) for a in its], color, marks=True))
    best = [(chosen.amount, means[chosen])]
    lines.append(Line("chosen", best, "var(--yes)", marks=True))
    return figure(evaluation.title, line_chart(lines, "amount", metric))


def by_epoch(evaluation: Evaluation) -> str:
    """One line a training, of the original data and the language model; the first seed is in front,
    and what was tried and not chosen is faint."""
    history = evaluation.history
    series = np.asarray(history["series"].to_pylist())
    step, score = (history[c].to_numpy() for c in ("step", evaluation.metric))
    kinds = {_series(a): _kind(a, evaluation.chosen) for a in evaluation.augmentations}
    lines = []
    for fit in dict.fromkeys(series.tolist()):
        its, _, seed = fit.rpartition("/seed=")
        if its not in kinds:
            continue
        name, color = kinds[its]
        points = list(zip(step[series == fit], score[series == fit], strict=True))
        faint, one = color == OTHER or seed != "0", len(points) == 1
        lines.append(Line(name, points, color, faint=faint, marks=one))
    return figure(evaluation.title, line_chart(lines, "epoch", metric_name(evaluation.metric)))


def _series(augmentation: Augmentation) -> str:
    """The name of its trainings in a history, without the seed."""
    return ORIGINAL_NAME if augmentation == ORIGINAL_DATA else f"{LANGUAGE_MODEL}/{augmentation}"


def _kind(augmentation: Augmentation, chosen: Augmentation) -> tuple[str, str]:
    """Name and colour of a line."""
    if augmentation == ORIGINAL_DATA:
        return "original data" + (", chosen" if chosen == augmentation else ""), ORIGINAL
    if augmentation == chosen:
        return f"chosen: {augmentation_name(chosen)}", CHOSEN
    return "other amounts and orders", OTHER
