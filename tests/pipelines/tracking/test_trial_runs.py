"""Trials of the filter and of recommenders' settings as runs that can be laid over each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import SETTINGS
from llm4idrec.config import Config
from llm4idrec.runtime.files import write_json
from pipelines.tools.mlflow_internals import VIEW
from pipelines.tracking import stage_runs, trial_runs, views
from pipelines.tracking.stage_log import log_stage


@pytest.fixture
def config(workplace: Callable[..., Config], own_state: None) -> Config:
    return workplace(tune_recommenders={"names": ["ials", "mf"]})


def log_filter(config: Config) -> str:
    """Of three trials; returns the ID of the stage's run."""
    tuning = Path("artifacts/tuning/mf")
    tuning.mkdir(parents=True, exist_ok=True)
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
    with stage_runs.stage_run("tune mf", config, [], deps={}) as run:
        trial_runs.log_filter_trials(run, config, "mf", tuning=tuning)
        views.write_views(run, config)
    return run.run_id


def log_settings(config: Config) -> str:
    """As the stage `tune_recommenders` leaves them, by its own way to MLflow."""
    folder = Path("artifacts/settings")
    common = {"curve": [[5, 0.1], [10, 0.2]], "error": None}
    failed: dict[str, object] = {"value": None, "curve": [], "error": "loss is not finite"}
    rows = [
        {"recommender": "ials", "number": 0, "values": {"alpha": 5.0}, "value": 0.2, **common},
        {"recommender": "mf", "number": 0, "values": {"l2": 0.1}, "value": 0.2, **common},
        {"recommender": "mf", "number": 1, "values": {"l2": 0.3}, "value": 0.3, **common},
        {"recommender": "mf", "number": 2, "values": {"l2": 0.4}, **failed},
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "trials.json", rows)
    about = {"metric": "ndcg_at_5", "default_validation": 0.2}
    for name, best in (("ials", 0), ("mf", 1)):
        write_json(folder / f"{name}.json", about | {"trial": best})
    write_json(folder / "summary.json", {"mf_validation": 0.3})
    with stage_runs.stage_run("tune_recommenders", config, [], deps={}) as run:
        log_stage(run, config, inputs={}, outputs={SETTINGS: folder})
    return run.run_id


def inside(run_id: str) -> list[Run]:
    """As the UI lists them: newest first."""
    client = MlflowClient()
    nested = f"tags.mlflow.parentRunId = '{run_id}'"
    return list(client.search_runs([stage_runs.experiment_id(client)], nested))


def test_trials_of_the_filter(config: Config) -> None:
    for _ in range(2):
        run_id = log_filter(config)
    found = inside(run_id)
    assert [nested.info.run_name for nested in found] == [
        "MF · filter · trial 0",
        "MF · filter · trial 1 (best)",
        "MF · filter · trial 2",
    ]
    assert {nested.data.tags["data"] for nested in found} == {"trial"}
    assert found[1].data.metrics["trial/gain"] == 0.2
    assert found[1].data.params["min_votes"] == "1"
    assert found[2].info.status == "FAILED"
    curve = MlflowClient().get_metric_history(found[0].info.run_id, "validation/ndcg_at_5")
    assert [(point.step, point.value) for point in curve] == [(1, 0.2)]
    assert len(trials_of_the_version(config)) == 3


def test_trials_of_settings(config: Config) -> None:
    for _ in range(2):
        run_id = log_settings(config)
    found = {nested.info.run_name: nested for nested in inside(run_id)}
    assert set(found) == {
        "iALS · settings · trial 0 (best)",
        "MF · settings · trial 0",
        "MF · settings · trial 1 (best)",
        "MF · settings · trial 2",
    }
    best = found["MF · settings · trial 1 (best)"]
    assert best.data.params == {"l2": "0.3"}
    assert best.data.metrics["trial/gain"] == pytest.approx(0.5)
    assert found["MF · settings · trial 2"].info.status == "FAILED"
    client = MlflowClient()
    curve = client.get_metric_history(best.info.run_id, "validation/ndcg_at_5")
    assert [(point.step, point.value) for point in curve] == [(5, 0.1), (10, 0.2)]
    assert client.get_run(run_id).data.metrics["settings/mf_validation"] == 0.3
    searches = [run.data.tags["search"] for run in trials_of_the_version(config)]
    assert searches.count("settings") == 4


def test_one_search_leaves_the_others_trials(config: Config) -> None:
    log_settings(config)
    log_filter(config)
    log_settings(config)
    searches = [run.data.tags["search"] for run in trials_of_the_version(config)]
    assert sorted(searches) == ["filter"] * 3 + ["settings"] * 4


def test_each_search_has_a_view(config: Config) -> None:
    log_settings(config)
    log_filter(config)
    client = MlflowClient()
    tags = client.get_experiment(stage_runs.experiment_id(client)).tags
    for key, number, column in (("trials", 3, "min_votes"), ("settings", 4, "alpha")):
        state = json.loads(json.loads(tags[f"{VIEW}{key}"])["state"])
        listed = client.search_runs([stage_runs.experiment_id(client)], state["searchFilter"])
        assert len(listed) == number
        assert f"params.`{column}`" in state["selectedColumns"]


def trials_of_the_version(config: Config) -> list[Run]:
    client = MlflowClient()
    found = client.search_runs([stage_runs.experiment_id(client)], "tags.data = 'trial'")
    version = stage_runs.about(config)["version"]
    return [run for run in found if run.data.tags["version"] == version]
