"""The report in MLflow: its files, and the answer on the run that stands for the version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.digest import digest
from llm4idrec.verdict.judgement import judge
from llm4idrec.verdict.result_files import read_comparison, read_controls
from llm4idrec.verdict.tables import control_comparison_table, verdict_table
from llm4idrec.verdict.wording import percent, recommender_name
from pipelines.tools.mlflow_internals import NOTE
from pipelines.tracking.batches import log_metrics, numbers
from pipelines.tracking.stage_runs import StageRun, tag_run

LONGEST_NOTE = 5000  # that MLflow's database takes in a tag


def log_comparison(run: StageRun, comparison: Path, controls: Path, *more: Path) -> None:
    """The report's files as artifacts of its run; on the parent the verdict of each recommender as
    tag and description, and of the headline metrics the gain and the lead as metrics."""
    for path in (comparison, controls, *more):
        run.client.log_artifact(run.run_id, str(path))
    rows, sources = read_comparison(comparison), read_controls(controls)
    chosen_by = {row["recommender"]: row["metric"] for row in sources if row["headline"]}
    text = ", ".join(
        f"{recommender_name(row['recommender'])} {percent(row['relative_gain'])}: {judge(row)}"
        for row in rows
        if row["metric"] == chosen_by[row["recommender"]]
    )
    tag_run(run.client, run.parent_id, {"verdict": text, NOTE: _note(rows, sources)})
    found = digest(sources).items()
    figures = numbers({name: its["gain"] for name, its in found}, "gain")
    figures += numbers({name: its["lead"] for name, its in found}, "lead_over_best_control")
    log_metrics(run.client, run.parent_id, figures)


def _note(rows: Sequence[Row], sources: Sequence[SourceRow]) -> str:
    tables = verdict_table(rows), control_comparison_table(sources)
    text = "\n\n".join(f"```\n{table}\n```" for table in tables)
    if len(text) <= LONGEST_NOTE:
        return text
    return f"```\n{tables[0][: LONGEST_NOTE - 100]}\n```\nThe rest is in comparison.html."
