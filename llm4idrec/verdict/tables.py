"""The answer in tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import judge, standing
from llm4idrec.verdict.sentences import future_sentence
from llm4idrec.verdict.wording import (
    align,
    interval,
    metric_name,
    p_cell,
    percent,
    recommender_name,
    source_name,
)


def answer(comparison: Path, controls: Path) -> str:
    """Both tables, of the files that a report has left, and what the split lets them see."""
    rows = read_json(comparison)
    tables = verdict_table(rows), control_comparison_table(read_json(controls))
    sentences = dict.fromkeys(future_sentence(row["protocol"]) for row in rows)
    return "\n\n".join([*tables, *filter(None, sentences)])


def verdict_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text for a terminal."""
    head = (
        "recommender",
        "metric",
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
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            percent(row["relative_gain"]),
            interval(row["ci_low"], row["ci_high"]),
            p_cell(row["p_value"]),
            str(judge(row)),
        )
        for row in rows
    ]
    return align([head, *cells], left=(0, 1, 7))


def control_comparison_table(rows: Sequence[SourceRow]) -> str:
    """The rows of the headline metrics as aligned text for a terminal."""
    head = (
        "recommender",
        "metric",
        "added items from",
        "value",
        "gain",
        "lead of language model",
        "95 % interval",
        "p",
        "it is",
    )
    cells = [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            source_name(row["source"]),
            f"{row['value']:.4f}",
            percent(row["relative_gain"]),
            *_lead_cells(row),
        )
        for row in rows
        if row["headline"]
    ]
    return align([head, *cells], left=(0, 1, 2, 8))


def _lead_cells(row: SourceRow) -> tuple[str, str, str, str]:
    """Lead, interval, p and standing; empty on the language model's own row."""
    if row["lead_p_value"] is None:
        return "", "", "", ""
    return (
        percent(row["lead"]),
        interval(row["lead_low"], row["lead_high"]),
        p_cell(row["lead_p_value"]),
        str(standing(row)),
    )
