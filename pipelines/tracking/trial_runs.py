"""The trials of a search, of the filter or of a recommender's settings, as MLflow runs nested in
the stage's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.config import Config
from llm4idrec.config.recommenders import IALSConfig, RecommenderConfig, TrainedConfig
from llm4idrec.runtime.files import read_json
from llm4idrec.tuning import settings_trials
from llm4idrec.tuning.filter_tuning import FilterChoice
from llm4idrec.tuning.gain import gain
from llm4idrec.tuning.trials import TRIALS, VALIDATIONS
from llm4idrec.verdict.histories import EPOCH
from llm4idrec.verdict.wording import recommender_name
from pipelines.tracking.batches import curves, now, numbers
from pipelines.tracking.stage_runs import StageRun
from pipelines.tracking.variants import TRIAL, forget

FILTER, SETTINGS = "filter", "settings"
"""The values of the tag `search`: what is searched."""


@dataclass(frozen=True)
class TrialRun:
    """What is logged of a trial."""

    number: int
    outcome: str
    params: Mapping[str, object]
    figures: Mapping[str, float | None]
    """Value, and gain over where the search began."""
    curve: Sequence[Mapping[str, Any]]
    """The metric on validation by epoch, as rows."""


def log_trials(
    run: StageRun, recommender: str, search: str, *, trials: Sequence[TrialRun], best: int
) -> None:
    """A run for each: what was tried, what it gave on validation, and that by epoch.

    `search` is one of the tag's values; `best` is the number of the trial that is taken.
    """
    forget(run, recommender, f"tags.data = '{TRIAL}' and tags.search = '{search}'")
    started = now()
    for trial in trials:
        title = f"{recommender_name(recommender)} · {search} · trial {trial.number}"
        run.nest(
            title + " (best)" * (trial.number == best),
            {"data": TRIAL, "search": search, "recommender": recommender, "stage": TRIAL}
            | {"outcome": trial.outcome},
            "FAILED" if trial.outcome == "failed" else "FINISHED",
            start=started - trial.number,
            params=trial.params,
            metrics=[
                *numbers(trial.figures, TRIAL),
                *curves(trial.curve, EPOCH, "validation"),
            ],
        )


def log_filter_trials(run: StageRun, config: Config, recommender: str, *, tuning: Path) -> None:
    """Of the folder that the stage `tune` writes for a recommender."""
    validations = pq.read_table(tuning / VALIDATIONS)
    metric, settings = config.evaluation.metric, config.settings(recommender)
    trials = [
        TrialRun(
            number=row["number"],
            outcome=row["outcome"],
            params={name: row[name] for name in FilterChoice._fields},
            figures={key: row[key] for key in ("value", "gain")},
            curve=_mean_curve(
                validations.filter(pc.equal(validations["number"], row["number"])),
                metric,
                settings,
            ),
        )
        for row in pq.read_table(tuning / TRIALS).to_pylist()
    ]
    best = read_json(tuning / "summary.json")["best_trial"]
    log_trials(run, recommender, FILTER, trials=trials, best=best)


def log_settings_trials(run: StageRun, settings: Path) -> None:
    """Of the folder that the stage `tune_recommenders` writes."""
    every = read_json(settings / settings_trials.TRIALS)
    for recommender, rows in groupby(every, key=lambda row: str(row["recommender"])):
        about = read_json(settings / f"{recommender}.json")
        trials = [
            TrialRun(
                number=row["number"],
                outcome="failed" if row["value"] is None else "complete",
                params=row["values"],
                figures={
                    "value": row["value"],
                    "gain": gain(row["value"], about["default_validation"]),
                },
                curve=[{EPOCH: epoch, about["metric"]: value} for epoch, value in row["curve"]],
            )
            for row in rows
        ]
        log_trials(run, recommender, SETTINGS, trials=trials, best=about["trial"])


def _mean_curve(
    validations: pa.Table, metric: str, settings: RecommenderConfig
) -> list[dict[str, Any]]:
    """Of one trial, over its seeds, as long as all of them train."""
    seeds = len(pc.unique(validations["seed"]))
    by_step = validations.group_by("validation", use_threads=False).aggregate(
        [("value", "mean"), ("value", "count")]
    )
    return [
        {EPOCH: _epoch(row["validation"], settings), metric: row["value_mean"]}
        for row in by_step.sort_by("validation").to_pylist()
        if row["value_count"] == seeds
    ]


def _epoch(validation: int, settings: RecommenderConfig) -> int:
    """After which a validation, counted from 0, was."""
    if isinstance(settings, IALSConfig):
        return settings.iterations
    if not isinstance(settings, TrainedConfig):
        return 1
    return min((validation + 1) * settings.evaluate_every, settings.max_epochs)
