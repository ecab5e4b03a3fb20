"""What an evaluation compared, as MLflow runs nested in the stage's run.

All of them have the same metric keys, so that charts of any choice of runs lie over each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.compute as pc

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, is_fused, unfused
from llm4idrec.augmentation.choice import ORIGINAL_DATA
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.histories import EPOCH, compared, mean_histories
from llm4idrec.verdict.per_user import (
    TEST,
    VALIDATION,
    metrics_of,
    read_per_user,
    variants_of,
)
from llm4idrec.verdict.selection import Selection
from llm4idrec.verdict.wording import arm_name, recommender_name
from pipelines.tools.mlflow_internals import COLOR, PARENT
from pipelines.tracking.batches import curves, now, numbers
from pipelines.tracking.search import tagged
from pipelines.tracking.stage_runs import StageRun

CONTROL, FUSED, BY_ITSELF, TRIAL = "control", "fused", "by itself", "trial"
"""Values of the tag `data`, beside the names of the original data and of the language model."""
SOURCES = "sources"
"""The tag `recommender` of what ranks by itself."""
COLORS = {ORIGINAL: "#6e7781", LANGUAGE_MODEL: "#0969da"}
CONTROL_COLORS = ("#bf8700", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#1b7c83")
TRAINING = {"generated_pairs", "best_epoch", "amount", "popularity_exponent"}
"""What `summary.json` says of the training, not of the test."""


def log_variants(run: StageRun, recommender: str, evaluation: Path) -> None:
    """A run for each data set that was compared, and for what is fused with EASE: what was added,
    the test's figures, and validation by epoch, both as means over users and seeds."""
    forget(run, recommender, f"tags.data != '{TRIAL}'")
    selection, summary = Selection.read(evaluation), read_json(evaluation / "summary.json")
    seeds, histories = compared(evaluation), mean_histories(evaluation)
    metric = selection.metric
    shown = [EPOCH, "loss", *(f"{kind}_{metric.partition('_')[2]}" for kind in ("ndcg", "recall"))]
    means = _means(evaluation / TEST)
    started = now()
    for place, variant in enumerate(seeds):
        choice = selection.arms.get(unfused(variant))
        chosen = choice.chosen if choice else ORIGINAL_DATA
        pairs = summary.get(f"{unfused(variant)}_generated_pairs", 0) if choice else 0
        test, beyond = _test_figures(summary, variant)
        training = {"best_epoch": summary.get(f"{variant}_best_epoch"), "generated_pairs": pairs}
        history = histories[variant].select(shown).to_pylist() if variant in histories else []
        run.nest(
            f"{recommender_name(recommender)} · {variant_title(variant)}",
            _tags(recommender, variant, place),
            start=started - place,
            params={**chosen._asdict(), "seeds": seeds[variant]},
            metrics=[
                *numbers(_gain(means, variant, metric) | means[variant] | test, "test"),
                *numbers(beyond, "test_beyond_accuracy"),
                *numbers(training, "training"),
                *curves(history, EPOCH, "validation"),
            ],
        )


def log_rankings(run: StageRun, rankings: Path) -> None:
    """A run for each of what generates, ranking by itself: its figures on test and validation, as
    means over users and trainings."""
    forget(run, SOURCES, f"tags.data = '{BY_ITSELF}'")
    test, validation = (_means(rankings / file) for file in (TEST, VALIDATION))
    started = now()
    for place, variant in enumerate(test):
        run.nest(
            f"{arm_name(variant)} · {BY_ITSELF}",
            _tags(SOURCES, variant, place) | {"data": BY_ITSELF},
            start=started - place,
            params={},
            metrics=[
                *numbers(test[variant], "test"),
                *numbers(validation.get(variant, {}), "validation"),
            ],
        )


def variant_title(variant: str) -> str:
    """`original`, `language model`, `EASE (control)` or `language model, fused with EASE`."""
    name = ORIGINAL if variant == ORIGINAL else arm_name(variant)
    if is_fused(variant):
        name = name.replace("nothing, ", "original, ")
    return f"{name} ({CONTROL})" if _kind(variant) == CONTROL else name


def _kind(variant: str) -> str:
    if is_fused(variant):
        return FUSED
    return variant if variant in (ORIGINAL, LANGUAGE_MODEL) else CONTROL


def _tags(recommender: str, variant: str, place: int) -> dict[str, str]:
    return {
        "data": _kind(variant),
        "source": arm_name(variant),
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


def _means(file: Path) -> dict[str, dict[str, float]]:
    """Of each variant and metric, over users and seeds."""
    table = read_per_user(file, needs=())
    return {
        variant: {metric: pc.mean(rows[metric]).as_py() for metric in metrics_of(table)}
        for variant in variants_of(table)
        for rows in (table.filter(pc.equal(table["variant"], variant)),)
    }


def _gain(means: Mapping[str, Mapping[str, float]], variant: str, metric: str) -> dict[str, float]:
    """Over the original data; none where that is 0."""
    original = means[ORIGINAL][metric]
    return {f"gain_{metric}": means[variant][metric] / original - 1} if original else {}


def forget(run: StageRun, recommender: str, which: str) -> None:
    """Delete what an earlier run for the same version left, which would be seen twice; MLflow's
    list of deleted runs still has it."""
    same = {"version": run.about["version"], "recommender": recommender}
    for old in tagged(run.client, run.experiment_id, same, which):
        if old.data.tags[PARENT] != run.run_id:
            run.client.delete_run(old.info.run_id)
