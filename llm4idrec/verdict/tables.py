"""The answer in tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import Verdict, judge, standing
from llm4idrec.verdict.result_files import read_comparison, read_controls
from llm4idrec.verdict.sentences import future_sentence
from llm4idrec.verdict.variants import LANGUAGE_MODEL
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
    """Both tables, of the files that a report has left, and what the split lets them see.

    Raises `InputError` if they are of an earlier version.
    """
    rows, sources = read_comparison(comparison), read_controls(controls)
    tables = verdict_table(rows), control_comparison_table(sources)
    sentences = dict.fromkeys(future_sentence(row["protocol"]) for row in rows)
    return "\n\n".join([*tables, *filter(None, sentences)])


def verdict_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text for a terminal."""
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
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            percent(row["relative_gain"]),
            interval(row["ci_low"], row["ci_high"]),
            p_cell(row["p_value"]),
            str(judge(row)),
        )
        for row in rows
    ]
    return align([head, *cells], left=(0, 1, 8))


def control_comparison_table(rows: Sequence[SourceRow]) -> str:
    """The rows of the headline metrics as aligned text for a terminal; the figures of a row are all
    of the same seeds."""
    head = (
        "recommender",
        "metric",
        "added items from",
        "seeds",
        "original",
        "augmented",
        "gain",
        "language model",
        "its lead",
        "95 % interval",
        "p",
        "it is",
    )
    cells = [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            source_name(row["source"]),
            str(row["n_seeds"]),
            f"{row['original']:.4f}",
            f"{row['value']:.4f}",
            percent(row["relative_gain"]),
            *_lead_cells(row),
        )
        for row in rows
        if row["headline"]
    ]
    return align([head, *cells], left=(0, 1, 2, 10))


def _lead_cells(row: SourceRow) -> tuple[str, str, str, str, str]:
    """The language model's value, its lead, interval, p and standing. On its own row there are
    none, and it may be that nothing was chosen."""
    if row["source"] == LANGUAGE_MODEL:
        return "", "", "", "", "" if row["amount"] else str(Verdict.NOTHING_CHOSEN)
    return (
        f"{row['language_model']:.4f}",
        percent(row["lead"]),
        interval(row["lead_low"], row["lead_high"]),
        p_cell(row["lead_p_value"]),
        str(standing(row)),
    )
