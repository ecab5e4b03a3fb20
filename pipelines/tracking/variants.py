"""What an evaluation or a tuning compared, as MLflow runs nested in the stage's run.

All of them have the same metric keys, so that charts of any choice of runs lie over each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.config import Config
from llm4idrec.config.recommenders import IALSConfig, RecommenderConfig, TrainedConfig
from llm4idrec.runtime.files import read_json
from llm4idrec.tuning.filter_tuning import FilterChoice
from llm4idrec.tuning.trials import TRIALS, VALIDATIONS
from llm4idrec.verdict.histories import EPOCH, compared, mean_histories
from llm4idrec.verdict.variants import LANGUAGE_MODEL
from llm4idrec.verdict.wording import recommender_name, source_name
from pipelines.tools.mlflow_internals import COLOR, PARENT
from pipelines.tracking.batches import curves, now, numbers
from pipelines.tracking.search import tagged
from pipelines.tracking.stage_runs import StageRun

ORIGINAL, AUGMENTED, CONTROL, TRIAL = "original", "augmented", "control", "trial"
"""The values of the tag `data`."""
COLORS = {ORIGINAL: "#6e7781", LANGUAGE_MODEL: "#0969da"}
CONTROL_COLORS = ("#bf8700", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#1b7c83")
TRAINING = {"generated_pairs", "best_epoch", "seeds"}
"""What `summary.json` says of the training, not of the test."""


def log_variants(run: StageRun, recommender: str, evaluation: Path) -> None:
    """A run for each data set that was compared: what was added, the test's figures, and
    validation by epoch, both as means over users and seeds."""
    _forget(run, recommender, f"tags.data != '{TRIAL}'")
    seeds, summary = compared(evaluation), read_json(evaluation / "summary.json")
    metric = read_json(evaluation / "selection.json")["metric"]
    shown = [EPOCH, "loss", *(f"{kind}_{metric.partition('_')[2]}" for kind in ("ndcg", "recall"))]
    gains, histories = _gains(evaluation, metric, seeds), mean_histories(evaluation)
    started = now()
    for place, variant in enumerate(seeds):
        generated = "generated_pairs" if variant == LANGUAGE_MODEL else f"{variant}_generated_pairs"
        added = variant != ORIGINAL
        test, beyond = _test_figures(summary, variant)
        training = {
            "best_epoch": summary[f"{variant}_best_epoch"],
            "generated_pairs": summary[generated] if added else 0,
        }
        history = histories[variant].select(shown)
        run.nest(
            f"{recommender_name(recommender)} · {variant_title(variant)}",
            _tags(recommender, variant, place),
            start=started - place,
            params={
                "amount": summary["chosen_amount"] if added else 0.0,
                "popularity_exponent": summary["chosen_popularity_exponent"] if added else 0.0,
                "seeds": seeds[variant],
            },
            metrics=[
                *numbers({f"gain_{metric}": gains[variant]} | test, "test"),
                *numbers(beyond, "test_beyond_accuracy"),
                *numbers(training, "training"),
                *curves(history.to_pylist(), EPOCH, "validation"),
            ],
        )


def variant_title(variant: str) -> str:
    """`original`, `augmented` or `EASE (control)`."""
    if variant in (ORIGINAL, LANGUAGE_MODEL):
        return variant
    return f"{source_name(variant)} ({CONTROL})"


def _tags(recommender: str, variant: str, place: int) -> dict[str, str]:
    kinds = {ORIGINAL: ORIGINAL, LANGUAGE_MODEL: AUGMENTED}
    return {
        "data": kinds.get(variant, CONTROL),
        "source": source_name(variant),
        "recommender": recommender,
        COLOR: COLORS.get(variant) or CONTROL_COLORS[place % len(CONTROL_COLORS)],
    }


def _test_figures(
    summary: Mapping[str, float], variant: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Accuracy, then the rest: whom it serves and what is put forward."""
    prefix = f"{variant}_"
    its = {k.removeprefix(prefix): v for k, v in summary.items() if k.startswith(prefix)}
    figures = {key: value for key, value in its.items() if key not in TRAINING}
    test = {key: value for key, value in figures.items() if _is_accuracy(key)}
    return test, {key: value for key, value in figures.items() if key not in test}


def _is_accuracy(key: str) -> bool:
    """`ndcg_at_20`, but not `coverage_at_20` or `recall_at_20_tail`."""
    kind, _, cutoff = key.partition("_at_")
    return kind in ("recall", "ndcg", "hr", "mrr") and cutoff.isdigit()


def _gains(evaluation: Path, metric: str, seeds: Mapping[str, int]) -> dict[str, float]:
    """Of each data set over the original one with the same seeds; none where that is 0."""
    table = pq.read_table(evaluation / "per_user.parquet", columns=["variant", "seed", metric])

    def mean(variant: str, seeds: int) -> Any:
        first = pc.and_(pc.equal(table["variant"], variant), pc.less(table["seed"], seeds))
        return pc.mean(table.filter(first)[metric]).as_py()

    means = {variant: (mean(variant, n), mean(ORIGINAL, n)) for variant, n in seeds.items()}
    return {name: its / original - 1 for name, (its, original) in means.items() if original}


def log_trials(run: StageRun, config: Config, recommender: str, *, tuning: Path) -> None:
    """A run for each trial: its setting, what it gave on validation, and that by epoch."""
    _forget(run, recommender, f"tags.data = '{TRIAL}'")
    validations = pq.read_table(tuning / VALIDATIONS)
    best = read_json(tuning / "summary.json")["best_trial"]
    settings = config.settings(recommender)
    started = now()
    for trial in pq.read_table(tuning / TRIALS).to_pylist():
        number, outcome = trial["number"], trial["outcome"]
        its = validations.filter(pc.equal(validations["number"], number))
        run.nest(
            f"{recommender_name(recommender)} · trial {number}{' (best)' * (number == best)}",
            {"data": TRIAL, "recommender": recommender, "stage": TRIAL, "outcome": outcome},
            "FAILED" if outcome == "failed" else "FINISHED",
            start=started - number,
            params={name: trial[name] for name in FilterChoice._fields},
            metrics=[
                *numbers({k: trial[k] for k in ("value", "gain")}, TRIAL),
                *curves(_mean_curve(its, config.evaluation.metric, settings), EPOCH, "validation"),
            ],
        )


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


def _forget(run: StageRun, recommender: str, which: str) -> None:
    """Delete what an earlier run for the same version left, which would be seen twice; MLflow's
    list of deleted runs still has it."""
    same = {"version": run.about["version"], "recommender": recommender}
    for old in tagged(run.client, run.experiment_id, same, which):
        if old.data.tags[PARENT] != run.run_id:
            run.client.delete_run(old.info.run_id)
