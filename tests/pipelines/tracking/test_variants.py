"""Evaluations, trials and reports as runs that can be laid over each other: in a database, and
behind a server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import EVALUATION
from llm4idrec.config import Config
from llm4idrec.runtime.files import write_json
from pipelines.tools.mlflow_internals import NOTE, VIEW
from pipelines.tracking import headline, stage_runs, variants, views

SEEDS = {"original": 2, "augmented": 2, "ease": 1}
NDCG = {"original": (0.2, 0.4), "augmented": (0.3, 0.45), "ease": (0.1,)}
"""By seed, the same for both users."""
SEED = itertools.count()
SERIES = {
    "original": "amount=0/seed={}",
    "augmented": "amount=0.5/popularity_exponent=1/seed={}",
    "ease": "ease/amount=0.5/popularity_exponent=1/seed={}",
}


@pytest.fixture(params=["database", pytest.param("server", marks=pytest.mark.slow)])
def config(
    request: pytest.FixtureRequest,
    workplace: Callable[..., Config],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Config:
    """Of a fresh version in the store that the environment then names."""
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path))
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    if request.param == "server":
        store = request.getfixturevalue("server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    return workplace().model_copy(update={"seed": next(SEED)})


@pytest.fixture
def evaluation() -> Path:
    """As the stage writes it, with figures that can be told in advance."""
    folder = Path("artifacts/evaluation/mf")
    folder.mkdir(parents=True)
    rows = [(v, seed, user) for v, n in SEEDS.items() for seed in range(n) for user in (0, 1)]
    variant, seed, user = (list(column) for column in zip(*rows, strict=True))
    values = [NDCG[v][s] for v, s, _ in rows]
    table = {"variant": variant, "seed": pa.array(seed, pa.int32()), "user": user}
    metrics = {"ndcg_at_5": values, "recall_at_5": [0.5] * len(rows)}
    pq.write_table(pa.table(table | metrics), folder / "per_user.parquet")
    write_json(
        folder / "selection.json",
        {
            "metric": "ndcg_at_5",
            "chosen": {"amount": 0.5, "popularity_exponent": 1.0},
            "scores": [],
        },
    )
    summary: dict[str, float] = {
        "chosen_amount": 0.5,
        "chosen_popularity_exponent": 1.0,
        "n_users": 2,
    }
    for name, n in SEEDS.items():
        summary |= {
            f"{name}_ndcg_at_5": float(np.mean(NDCG[name])),
            f"{name}_recall_at_5": 0.5,
            f"{name}_coverage_at_5": 0.5,
            f"{name}_best_epoch": 2.0,
        }
        if name == "ease":
            summary |= {"ease_seeds": n, "ease_generated_pairs": 7}
    write_json(folder / "summary.json", summary | {"generated_pairs": 7})
    pq.write_table(history(), folder / "history.parquet")
    return folder


def history() -> pa.Table:
    """The first seed trains for 2 epochs, the second of the original data for 3."""
    epochs = {("original", 1): 3}
    rows = [
        {"series": text.format(seed), "step": epoch, "loss": 1.0, "ndcg_at_5": epoch + seed / 2,
         "recall_at_5": 0.1}
        for name, text in SERIES.items()
        for seed in range(SEEDS[name])
        for epoch in range(1, epochs.get((name, seed), 2) + 1)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def evaluate(config: Config, folder: Path) -> str:
    """The stage's run; returns its ID."""
    with stage_runs.stage_run("evaluate mf", config, [], deps={}) as run:
        run.log_outputs({EVALUATION.of("mf"): folder}, apart=[EVALUATION.of("mf")])
        variants.log_variants(run, "mf", folder)
    return run.run_id


def inside(run_id: str, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
    """As the UI lists them: newest first."""
    client = MlflowClient()
    nested = f"tags.mlflow.parentRunId = '{run_id}'"
    return list(client.search_runs([stage_runs.experiment_id(client)], nested, view))


def test_each_data_set_is_a_run_with_the_same_metrics(config: Config, evaluation: Path) -> None:
    stage = evaluate(config, evaluation)
    original, augmented, control = found = inside(stage)
    assert [run.info.run_name for run in found] == [
        "MF · original",
        "MF · augmented",
        "MF · EASE (control)",
    ]
    assert [run.data.tags["data"] for run in found] == ["original", "augmented", "control"]
    assert [run.data.tags["source"] for run in found] == ["nothing", "language model", "EASE"]
    assert len({run.data.tags["mlflow.runColor"] for run in found}) == 3
    version = stage_runs.version_hash(config)[:12]
    for run in found:
        its = {key: run.data.tags[key] for key in ("recommender", "dataset", "filter", "version")}
        assert its == {"recommender": "mf", **stage_runs.about(config)}
        assert its["version"] == version
    assert set(original.data.metrics) == set(augmented.data.metrics) == set(control.data.metrics)
    assert original.data.params == {"amount": "0.0", "popularity_exponent": "0.0", "seeds": "2"}
    assert control.data.params == {"amount": "0.5", "popularity_exponent": "1.0", "seeds": "1"}
    metrics = augmented.data.metrics
    assert metrics["test/ndcg_at_5"] == pytest.approx(0.375)
    assert metrics["test_beyond_accuracy/coverage_at_5"] == 0.5
    assert metrics["training/generated_pairs"] == 7


def test_a_gain_is_over_the_original_data_with_the_same_seeds(
    config: Config, evaluation: Path
) -> None:
    gains = [
        run.data.metrics["test/gain_ndcg_at_5"] for run in inside(evaluate(config, evaluation))
    ]
    assert gains == pytest.approx([0, 0.375 / 0.3 - 1, 0.1 / 0.2 - 1])


def test_validation_by_epoch_is_a_mean_as_long_as_all_seeds_train(
    config: Config, evaluation: Path
) -> None:
    client = MlflowClient()
    curves = [
        [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, key)]
        for run in inside(evaluate(config, evaluation))
        for key in ("validation/ndcg_at_5",)
    ]
    assert curves == [[(1, 1.25), (2, 2.25)], [(1, 1.25), (2, 2.25)], [(1, 1.0), (2, 2.0)]]


def test_a_second_evaluation_of_a_version_takes_the_place_of_the_first(
    config: Config, evaluation: Path
) -> None:
    first = evaluate(config, evaluation)
    second = evaluate(config, evaluation)
    assert not inside(first)
    assert len(inside(second)) == 3
    assert len(inside(first, ViewType.DELETED_ONLY)) == 3
    other = config.model_copy(update={"seed": config.seed + 1})
    third = evaluate(other, evaluation)
    assert len(inside(second)) == len(inside(third)) == 3


def test_requests_are_few(
    config: Config, evaluation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four for each of the three data sets and a handful for the stage, however many numbers."""
    sent: list[str] = []
    kinds = ("create_run", "log_batch", "set_terminated", "search_runs", "delete_run", "set_tag")
    for kind in kinds:
        monkeypatch.setattr(MlflowClient, kind, _counted(getattr(MlflowClient, kind), sent))
    evaluate(config, evaluation)
    assert len(sent) <= 4 * 3 + 13


def _counted(method: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    def counting(*arguments: Any, **options: Any) -> Any:
        sent.append(method.__name__)
        return method(*arguments, **options)

    return counting


def test_trials_are_runs_that_say_so(config: Config) -> None:
    tuning = Path("artifacts/tuning/mf")
    tuning.mkdir(parents=True)
    settings = {"amount": 0.5, "min_votes": 1, "least_probable": 0.0, "agreement": 1.0}
    common = settings | {"popularity_exponent": 0.0}
    trials = [
        {"number": 0, "outcome": "complete", **common, "value": 0.5, "gain": 0.0},
        {"number": 1, "outcome": "complete", **common, "value": 0.6, "gain": 0.2},
        {"number": 2, "outcome": "failed", **common, "value": None, "gain": None},
    ]
    pq.write_table(pa.Table.from_pylist(trials), tuning / "trials.parquet")
    looks = [(0, 0, 0, 0.1), (0, 1, 0, 0.3), (0, 0, 1, 0.9), (1, 0, 0, 0.2)]
    columns = zip(("number", "seed", "validation", "value"), zip(*looks, strict=True), strict=True)
    pq.write_table(pa.table(dict(columns)), tuning / "validations.parquet")
    write_json(tuning / "summary.json", {"best_trial": 1})
    for _ in range(2):
        with stage_runs.stage_run("tune mf", config, [], deps={}) as run:
            variants.log_trials(run, config, "mf", tuning=tuning)
            views.write_views(run, config)
    found = inside(run.run_id)
    assert [nested.info.run_name for nested in found] == [
        "MF · trial 0",
        "MF · trial 1 (best)",
        "MF · trial 2",
    ]
    assert {nested.data.tags["data"] for nested in found} == {"trial"}
    assert found[1].data.metrics["trial/gain"] == 0.2
    assert found[1].data.params["min_votes"] == "1"
    assert found[2].info.status == "FAILED"
    curve = MlflowClient().get_metric_history(found[0].info.run_id, "validation/ndcg_at_5")
    assert [(point.step, point.value) for point in curve] == [(1, 0.2)]
    client = MlflowClient()
    everything = client.search_runs([run.experiment_id], "tags.data = 'trial'")
    assert len([r for r in everything if r.data.tags["version"] == run.about["version"]]) == 3


def test_the_report_is_kept_and_the_version_tells_its_verdict(config: Config) -> None:
    row = {
        "dataset": "tiny", "protocol": "random", "recommender": "mf", "metric": "ndcg_at_5",
        "amount": 0.5, "original": 0.1, "augmented": 0.12, "relative_gain": 0.2, "ci_low": 0.1,
        "ci_high": 0.3, "p_value": 0.001, "n_seeds": 2, "n_users": 40,
    }  # fmt: skip
    ours = row | {
        "source": "augmented", "headline": True, "value": 0.12, "language_model": 0.12,
        "popularity_exponent": 1.0, "lead": None, "lead_low": None, "lead_high": None,
        "lead_p_value": None, "generated_pairs": 7,
    }  # fmt: skip
    lead = {"lead_low": -0.1, "lead_high": 0.2, "lead_p_value": 0.4}
    write_json(Path("comparison.json"), [row, row | {"metric": "recall_at_5", "ci_low": None}])
    sources = [
        ours,
        ours | {"source": "random", "value": 0.08, "lead": 0.5, **lead},
        ours | {"source": "ease", "value": 0.11, "lead": 0.1, **lead},
        ours | {"metric": "recall_at_5", "headline": False},
    ]
    write_json(Path("controls.json"), sources)
    Path("comparison.html").write_text("<html></html>")
    files = Path("comparison.json"), Path("controls.json"), Path("comparison.html")
    with stage_runs.stage_run("report", config, [], deps={}) as run:
        headline.log_comparison(run, *files)
    client = MlflowClient()
    parent = client.get_run(run.parent_id)
    assert parent.data.metrics == {"gain/mf": 0.2, "lead_over_best_control/mf": 0.1}
    assert parent.data.tags["verdict"] == "MF +20.0 %: helps"
    assert "EASE" in parent.data.tags[NOTE]
    kept = [file.path for file in client.list_artifacts(run.run_id)]
    assert kept == ["comparison.html", "comparison.json", "controls.json"]


def test_ready_views_name_what_is_there(config: Config, evaluation: Path) -> None:
    with stage_runs.stage_run("evaluate mf", config, [], deps={}) as run:
        variants.log_variants(run, "mf", evaluation)
        views.write_views(run, config.model_copy(update={"recommenders": ("mf",)}))
    client = MlflowClient()
    tags = client.get_experiment(run.experiment_id).tags
    for key in ("comparison", "charts-mf", "versions", "trials"):
        state = json.loads(json.loads(tags[f"{VIEW}{key}"])["state"])
        assert f"viewStateShareKey={key}" in tags[NOTE]
        listed = client.search_runs([run.experiment_id], state["searchFilter"])
        its = [found for found in listed if found.data.tags["version"] == run.about["version"]]
        assert len(its) == {"comparison": 3, "charts-mf": 3, "versions": 1, "trials": 0}[key]
        there = {kind: {k for r in its for k in getattr(r.data, kind)} for kind in KINDS}
        for column in state.get("selectedColumns", []) if key == "comparison" else []:
            kind, name = column.split(".", 1)
            assert name.strip("`") in there[kind]
        for chart in state.get("compareRunCharts", []):
            assert chart["metricKey"] in there["metrics"]


KINDS = ("tags", "metrics", "params")


def test_somebody_elses_description_stays(config: Config) -> None:
    with stage_runs.stage_run("tune mf", config, [], deps={}) as run:
        client, experiment = run.client, run.experiment_id
        before = client.get_experiment(experiment).tags.get(NOTE, views.START)
        client.set_experiment_tag(experiment, NOTE, "What we found in spring.")
        views.write_views(run, config)
        after = client.get_experiment(experiment).tags[NOTE]
        client.set_experiment_tag(experiment, NOTE, before)
    assert after == "What we found in spring."
