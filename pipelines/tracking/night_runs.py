"""The nights of a replay, as MLflow runs nested in the stage's run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm4idrec.replay.night import Night
from llm4idrec.replay.promotion import NEW_BASE
from llm4idrec.replay.replay import read_reports
from pipelines.tracking.batches import now, numbers
from pipelines.tracking.stage_runs import StageRun
from pipelines.tracking.variants import forget

NIGHT = "night"
"""Value of the tag `data`."""


def log_nights(run: StageRun, served: str, replay: Path, *, metric: str) -> None:
    """A run for each, of the folder that the stage `replay` writes for the recommender that is
    `served`: what each line was worth, what
    the window was like, what it cost, and what was decided, as tags."""
    started = now()
    forget(run, served, f"tags.data = '{NIGHT}'")
    for number, report in enumerate(read_reports(replay)):
        costs = Night(replay, number).costs()
        facts = {name: value for name, value in report.items() if name not in ("window", "lines")}
        run.nest(
            f"night {number + 1} · {report['window']}",
            {"data": NIGHT, "recommender": served, "stage": NIGHT, **_decided(report)},
            "FAILED" if report["refused"] else "FINISHED",
            start=started - number,
            params={"window": report["window"]},
            metrics=[
                *numbers({f"{line}_{metric}": v for line, v in report["lines"].items()}, NIGHT),
                *numbers(facts, "window"),
                *numbers(costs, "seconds"),
            ],
        )


def _decided(report: Mapping[str, Any]) -> dict[str, str]:
    """What was decided and why; MLflow's tags hold texts."""
    decided = {
        f"decision.{decision['kind'].replace(' ', '_')}": f"{_made(decision)} of night "
        f"{decision['night'] + 1}: {decision['reason']}"
        for decision in report["decisions"]
    }
    refused = {"data_refused": report["refused"]} if report["refused"] else {}
    stands = {name: f"night {report[name] + 1}" for name in ("champion", "base")}
    return {**decided, **refused, **stands}


def _made(decision: Mapping[str, Any]) -> str:
    return "base" if decision["kind"] == NEW_BASE else "adapter"
