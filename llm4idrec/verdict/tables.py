"""The answer in tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, has_ease
from llm4idrec.verdict.bottom_line import BottomLine, simpler_and_better
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.judgement import Verdict, standing
from llm4idrec.verdict.popular_level import popular_level_sentence
from llm4idrec.verdict.result_files import read_bottom_line, read_comparison, read_controls
from llm4idrec.verdict.sentences import (
    bottom_line_sentence,
    future_sentence,
    mark,
    need_sentence,
    runs_sentence,
)
from llm4idrec.verdict.wording import (
    align,
    arm_name,
    interval,
    metric_name,
    p_cell,
    percent,
    recommender_name,
    system_names,
    value_interval,
)

SHOWN = 10
"""Systems that are told."""
GROUPS = {False: "alone", True: "together with EASE"}
"""Of arms, by whether EASE shapes the order of their items."""


def answer(comparison: Path, controls: Path, bottom_line: Path) -> str:
    """What to serve, what a language model gives each recommender in the metric that chose and in
    recall, and every arm; of the files that a report has left. Then what the split lets them see.

    Raises `InputError` if they are of an earlier version.
    """
    rows, arms = read_comparison(comparison), read_controls(controls)
    best = read_bottom_line(bottom_line)
    notes = [future_sentence(row["protocol"]) for row in rows] + [runs_sentence(best["n_runs"])]
    notes.append(popular_level_sentence(dict.fromkeys(row["recommender"] for row in rows)))
    parts = [
        bottom_line_sentence(best),
        bottom_line_table(best),
        verdict_table([row for row in rows if row["metric"] in _told(best["metric"])], best),
        needs(arms),
        control_comparison_table(arms),
        *dict.fromkeys(notes),
    ]
    return "\n\n".join(filter(None, parts))


def _told(metric: str) -> tuple[str, str]:
    """The metric that chose, and recall at the same cutoff."""
    return metric, f"recall_at_{metric.rpartition('_')[2]}"


def bottom_line_table(found: BottomLine) -> str:
    """The best systems as aligned text for a terminal."""
    metric = metric_name(found["metric"])
    names = system_names(found["systems"])
    head = (f"{metric} of", "validation", "test", "95 % interval", "language model")
    cells = [
        (
            name,
            f"{system['validation']:.4f}",
            f"{system['test']:.4f}",
            value_interval(system["test_low"], system["test_high"]),
            "yes" if system["uses_language_model"] else "",
        )
        for name, system in zip(names[:SHOWN], found["systems"][:SHOWN], strict=True)
    ]
    return align([head, *cells], left=(0,))


def verdict_table(rows: Sequence[Row], bottom_line: BottomLine) -> str:
    """The rows as aligned text for a terminal; a gain of the metric that chose is marked where
    something simpler is better."""
    head = (
        "recommender",
        "metric",
        "seeds",
        "original",
        "augmented",
        "gain",
        "95 % interval",
        "p",
        "verdict",
    )
    cells = [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            str(row["n_seeds"]),
            *gain_cells(row, bottom_line),
        )
        for row in rows
    ]
    return align([head, *cells], left=(0, 1, 8))


def gain_cells(row: Row, bottom_line: BottomLine) -> tuple[str, ...]:
    """Original, augmented, gain, its 95 % interval, p and verdict."""
    return (
        f"{row['original']:.4f}",
        f"{row['augmented']:.4f}",
        percent(row["relative_gain"]),
        interval(row["ci_low"], row["ci_high"]),
        p_cell(row["p_value"]),
        marked(row, bottom_line),
    )


def marked(row: Row, bottom_line: BottomLine) -> str:
    """The verdict on a row; of the metric that chose, with what is simpler and better."""
    chose = row["metric"] == bottom_line["metric"]
    return mark(row, simpler_and_better(bottom_line, row["recommender"]) if chose else None)


def needs(arms: Sequence[ArmRow]) -> str:
    """Whether it takes a language model, a line for each recommender that it helps."""
    told = [row for row in arms if row["headline"]]
    names = dict.fromkeys(row["recommender"] for row in told)
    lines = (need_sentence([r for r in told if r["recommender"] == name]) for name in names)
    return "\n".join(filter(None, lines))


def control_comparison_table(rows: Sequence[ArmRow]) -> str:
    """The rows of the headline metrics as aligned text for a terminal: arms that are alone, then
    those together with EASE; what adds nothing is named below."""
    head = (
        "recommender",
        "metric",
        "added items from",
        "amount",
        "discount",
        "augmented",
        "gain",
        "95 % interval",
        "the model's lead",
        "95 % interval",
        "p",
        "it is",
    )
    tables = []
    for ease, title in GROUPS.items():
        group = [row for row in rows if row["headline"] and has_ease(row["arm"]) == ease]
        told = [row for row in group if row["amount"] or row["arm"] == LANGUAGE_MODEL]
        cells = [
            (
                recommender_name(row["recommender"]),
                metric_name(row["metric"]),
                arm_name(row["arm"]),
                f"{row['amount']:g}",
                f"{row['popularity_exponent']:g}",
                f"{row['value']:.4f}",
                percent(row["relative_gain"]),
                interval(row["ci_low"], row["ci_high"]),
                *_lead_cells(row),
            )
            for row in told
        ]
        lines = [align([head, *cells], left=(0, 1, 2, 11))] if cells else []
        lines += _nothing_chosen([row for row in group if row not in told])
        if lines:
            tables.append("\n".join([title, *lines]))
    return "\n\n".join(tables)


def _nothing_chosen(rows: Sequence[ArmRow]) -> list[str]:
    """A line for each recommender."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["recommender"], []).append(arm_name(row["arm"]))
    return [
        f"{recommender_name(recommender)}, {Verdict.NOTHING_CHOSEN}: {', '.join(arms)}"
        for recommender, arms in names.items()
    ]


def _lead_cells(row: ArmRow) -> tuple[str, str, str, str]:
    """The language model's lead, interval, p and standing. On its own row there are none, and it
    may be that nothing was chosen."""
    if row["arm"] == LANGUAGE_MODEL:
        return "", "", "", "" if row["amount"] else str(Verdict.NOTHING_CHOSEN)
    return (
        percent(row["lead"]),
        interval(row["lead_low"], row["lead_high"]),
        p_cell(row["lead_p_value"]),
        str(standing(row)),
    )
