"""Scores in tables for a terminal."""

from __future__ import annotations

import numpy as np

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import compare, mean_with_interval
from llm4idrec.own.score import Scores
from llm4idrec.verdict.wording import (
    align,
    interval,
    metric_name,
    p_cell,
    percent,
    value_interval,
)


def scores_table(scores: Scores) -> str:
    """Each metric, with the interval of its mean where there is one."""
    rows = [("metric", "test", "95 % interval")]
    for name, values in scores.by_user.items():
        mean, low, high = mean_with_interval(values)
        rows.append((metric_name(name), f"{mean:.4f}", value_interval(low, high)))
    rows += [(metric_name(name), f"{value:.4f}", "") for name, value in _told(scores).items()]
    return align(rows, left=(0,))


def comparison_table(against: Scores, scores: Scores) -> str:
    """Each metric of both, and the gain of `scores` over `against`, tested in pairs."""
    rows = [("metric", "against", "test", "gain", "95 % interval", "p")]
    for name, values in scores.by_user.items():
        its = compare(_paired(against.by_user[name]), _paired(values))
        cells = percent(its.relative_gain), interval(its.low, its.high), p_cell(its.p_value)
        rows.append((metric_name(name), f"{its.original:.4f}", f"{its.augmented:.4f}", *cells))
    for name, value in _told(scores).items():
        other = against.numbers[name]
        gain = percent(value / other - 1) if other else "n/a"
        rows.append((metric_name(name), f"{other:.4f}", f"{value:.4f}", gain, "", ""))
    return align(rows, left=(0,))


def sample_sentence(scores: Scores, *, paired: bool) -> str:
    """What the interval, and the test if it is `paired`, takes as a sample."""
    n, n_users = next(iter(scores.by_user.values())).shape
    what = "Interval and p" if paired else "The interval"
    verb = "take" if paired else "takes"
    if n == 1:
        luck = "these two rankings" if paired else "this ranking"
        return (
            f"{what} {verb} the {n_users} test users as the sample: of {luck}, and not of what "
            "another training would give; hand in one ranking a seed for that."
        )
    pairs = "pairs of rankings, the first with the first and so on," if paired else "rankings"
    return (
        f"{what} {verb} the {n_users} test users and the {n} {pairs} as samples: of other users, "
        "and of other trainings if each ranking is of another seed."
    )


def _paired(values: FloatArray) -> FloatArray:
    """A single ranking counts as one whose seed means nothing: the test is over users."""
    return np.repeat(values, 2, axis=0) if len(values) == 1 else values


def _told(scores: Scores) -> dict[str, float]:
    """The numbers that are of all items and users, as `coverage_at_20` is."""
    return {k: value for k, value in scores.numbers.items() if k.rpartition("_")[2].isdecimal()}
