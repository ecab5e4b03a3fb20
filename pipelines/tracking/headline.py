"""The report in MLflow: its files, and the answer on the run that stands for the version."""

from __future__ import annotations

from collections.abc import Sequence

from llm4idrec.artifacts import BOTTOM_LINE, COMPARISON, CONTROL_COMPARISON, FIGURES, Files
from llm4idrec.verdict.bottom_line import BottomLine
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.digest import by_recommender
from llm4idrec.verdict.result_files import read_bottom_line, read_comparison, read_controls
from llm4idrec.verdict.sentences import bottom_line_sentence
from llm4idrec.verdict.tables import (
    bottom_line_table,
    control_comparison_table,
    marked,
    verdict_table,
)
from llm4idrec.verdict.wording import percent, recommender_name, system_name
from pipelines.tools.mlflow_internals import NOTE
from pipelines.tracking.batches import log_metrics, numbers
from pipelines.tracking.stage_runs import StageRun, tag_run

LONGEST_NOTE = 5000  # that MLflow's database takes in a tag


def log_report(run: StageRun, files: Files) -> None:
    """The report's files as artifacts of its run; on it and on the parent what to serve, as tag and
    metrics; on the parent the verdict of each recommender as tag and description, and of the
    headline metrics the gain and the lead as metrics."""
    for artifact in (BOTTOM_LINE, COMPARISON, CONTROL_COMPARISON, FIGURES):
        run.client.log_artifact(run.run_id, str(files[artifact]))
    best = read_bottom_line(files[BOTTOM_LINE])
    rows, arms = read_comparison(files[COMPARISON]), read_controls(files[CONTROL_COMPARISON])
    text = ", ".join(
        f"{recommender_name(row['recommender'])} {percent(row['relative_gain'])}: "
        f"{marked(row, best)}"
        for row in rows
        if row["metric"] == best["metric"]
    )
    tag_run(run.client, run.parent_id, {"verdict": text, NOTE: _note(rows, arms, best)})
    run.tag_version(serve=system_name(best["systems"][0]))
    for run_id in (run.run_id, run.parent_id):
        log_metrics(run.client, run_id, numbers(_served(best), "bottom_line"))
    found = by_recommender(arms).items()
    figures = numbers({name: its["gain"] for name, its in found}, "gain")
    figures += numbers({name: its["lead"] for name, its in found}, "lead_over_best_control")
    log_metrics(run.client, run.parent_id, figures)


def _served(found: BottomLine) -> dict[str, float | None]:
    """The figures of what validation chose, and the lead of what has a language model."""
    best = found["systems"][0]
    named = {f"{key}_{found['metric']}": best[key] for key in ("test", "validation")}
    return named | {"lead_of_language_model": found["lead"]}


def _note(rows: Sequence[Row], arms: Sequence[ArmRow], found: BottomLine) -> str:
    tables = bottom_line_table(found), verdict_table(rows, found), control_comparison_table(arms)
    parts = [f"```\n{table}\n```" for table in tables]
    for shown in (3, 2, 1, 0):
        rest = "" if shown == len(parts) else "The rest is in comparison.html."
        text = "\n\n".join(filter(None, [bottom_line_sentence(found), *parts[:shown], rest]))
        if len(text) <= LONGEST_NOTE:
            break
    return text
