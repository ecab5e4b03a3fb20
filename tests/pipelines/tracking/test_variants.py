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

from llm4idrec.artifacts import (
    BOTTOM_LINE,
    COMPARISON,
    CONTROL_COMPARISON,
    EVALUATION,
    FIGURES,
    Artifact,
)
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.config import Config
from llm4idrec.runtime.files import write_json
from pipelines.tools.mlflow_internals import NOTE, VIEW
from pipelines.tracking import headline, stage_runs, variants, views
from tests.llm4idrec.evaluations import write_evaluation, write_rankings
from tests.llm4idrec.verdict.rows import (
    MODEL_ROW,
    bottom_line_of,
    changed_arm,
    changed_row,
    system,
)

NDCG = {
    "original": (0.2, 0.4),
    "language_model": (0.3, 0.45),
    "ease": (0.1, 0.1),
    "original&ease": (0.3, 0.3),
}
"""By seed, the same for both users."""
ADDED = Augmentation(0.5, 1.0)
SEED = itertools.count()
SERIES = {
    "original": "original/seed={}",
    "language_model": f"language_model/{ADDED}/seed={{}}",
    "ease": f"ease/{ADDED}/seed={{}}",
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
    values = {name: np.repeat([its], 2, axis=0).T for name, its in NDCG.items()}
    recall = {name: np.full((2, 2), 0.5) for name in NDCG}
    metrics = {"ndcg_at_5": values, "recall_at_5": recall}
    write_evaluation(folder, metrics, nothing=["svd"], chosen=ADDED)
    summary: dict[str, float] = {"n_users": 2, "generated_pairs": 7}
    for name in ("original", "language_model", "ease"):
        summary |= {
            f"{name}_ndcg_at_5": float(np.mean(NDCG[name])),
            f"{name}_recall_at_5": 0.5,
            f"{name}_coverage_at_5": 0.5,
            f"{name}_best_epoch": 2.0,
            f"{name}_generated_pairs": 7,
        }
    write_json(folder / "summary.json", summary)
    pq.write_table(history(), folder / "history.parquet")
    return folder


def history() -> pa.Table:
    """The first seed trains for 2 epochs, the second of the original data for 3."""
    epochs = {("original", 1): 3}
    rows = [
        {"series": text.format(seed), "step": epoch, "loss": 1.0, "ndcg_at_5": epoch + seed / 2,
         "recall_at_5": 0.1}
        for name, text in SERIES.items()
        for seed in range(1 if name == "ease" else 2)
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


@pytest.mark.slow
def test_each_data_set_is_a_run_with_the_same_metrics(config: Config, evaluation: Path) -> None:
    stage = evaluate(config, evaluation)
    original, augmented, control, fused = found = inside(stage)
    assert [run.info.run_name for run in found] == [
        "MF · original",
        "MF · language model",
        "MF · EASE (control)",
        "MF · original, fused with EASE",
    ]
    kinds = ["original", "language_model", "control", "fused"]
    assert [run.data.tags["data"] for run in found] == kinds
    sources = ["nothing", "language model", "EASE", "nothing, fused with EASE"]
    assert [run.data.tags["source"] for run in found] == sources
    assert len({run.data.tags["mlflow.runColor"] for run in found}) == 4
    version = stage_runs.version_hash(config)[:12]
    for run in found:
        its = {key: run.data.tags[key] for key in ("recommender", "dataset", "filter", "version")}
        assert its == {"recommender": "mf", **stage_runs.about(config)}
        assert its["version"] == version
    assert set(original.data.metrics) == set(augmented.data.metrics) == set(control.data.metrics)
    assert original.data.params == {"amount": "0.0", "popularity_exponent": "0.0", "seeds": "2"}
    assert control.data.params == {"amount": "0.5", "popularity_exponent": "1.0", "seeds": "2"}
    assert fused.data.metrics["test/ndcg_at_5"] == pytest.approx(0.3)
    assert "validation/ndcg_at_5" not in fused.data.metrics  # it trains nothing
    metrics = augmented.data.metrics
    assert metrics["test/ndcg_at_5"] == pytest.approx(0.375)
    assert metrics["test_beyond_accuracy/coverage_at_5"] == 0.5
    assert metrics["training/generated_pairs"] == 7


def test_a_gain_is_over_the_original_data(config: Config, evaluation: Path) -> None:
    gains = [
        run.data.metrics["test/gain_ndcg_at_5"] for run in inside(evaluate(config, evaluation))
    ]
    assert gains == pytest.approx([0, 0.375 / 0.3 - 1, 0.1 / 0.3 - 1, 0])


def test_validation_by_epoch_is_a_mean_as_long_as_all_seeds_train(
    config: Config, evaluation: Path
) -> None:
    client = MlflowClient()
    curves = [
        [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, key)]
        for run in inside(evaluate(config, evaluation))
        for key in ("validation/ndcg_at_5",)
    ]
    assert curves == [[(1, 1.25), (2, 2.25)], [(1, 1.25), (2, 2.25)], [(1, 1.0), (2, 2.0)], []]


@pytest.mark.slow
def test_a_second_evaluation_of_a_version_takes_the_place_of_the_first(
    config: Config, evaluation: Path
) -> None:
    first = evaluate(config, evaluation)
    second = evaluate(config, evaluation)
    assert not inside(first)
    assert len(inside(second)) == 4
    assert len(inside(first, ViewType.DELETED_ONLY)) == 4
    other = config.model_copy(update={"seed": config.seed + 1})
    third = evaluate(other, evaluation)
    assert len(inside(second)) == len(inside(third)) == 4


@pytest.mark.slow
def test_requests_are_few(
    config: Config, evaluation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four for each of the four data sets and a handful for the stage, however many numbers."""
    sent: list[str] = []
    kinds = ("create_run", "log_batch", "set_terminated", "search_runs", "delete_run", "set_tag")
    for kind in kinds:
        monkeypatch.setattr(MlflowClient, kind, _counted(getattr(MlflowClient, kind), sent))
    evaluate(config, evaluation)
    assert len(sent) <= 4 * 4 + 13


def _counted(method: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    def counting(*arguments: Any, **options: Any) -> Any:
        sent.append(method.__name__)
        return method(*arguments, **options)

    return counting


@pytest.mark.slow
def test_what_ranks_by_itself_is_a_run_each(config: Config) -> None:
    values = {"language_model": np.full((2, 3), 0.25), "svd": np.full((2, 3), 0.5)}
    validation = {name: array[:1] / 2 for name, array in values.items()}
    folder = write_rankings(Path("artifacts/rankings"), {"ndcg_at_5": values}, validation)
    for _ in range(2):
        with stage_runs.stage_run("rank", config, [], deps={}) as run:
            variants.log_rankings(run, folder)
    own, svd = inside(run.run_id)
    assert own.info.run_name == "language model · by itself"
    assert own.data.metrics == {"test/ndcg_at_5": 0.25, "validation/ndcg_at_5": 0.125}
    assert svd.data.tags["data"] == "by itself"
    client = MlflowClient()
    everything = client.search_runs([run.experiment_id], "tags.data = 'by itself'")
    assert len([r for r in everything if r.data.tags["version"] == run.about["version"]]) == 2


def test_the_report_is_kept_and_the_version_tells_its_verdict(config: Config) -> None:
    row = changed_row(metric="ndcg_at_5")
    arms = [
        changed_arm(MODEL_ROW, metric="ndcg_at_5", relative_gain=0.2),
        changed_arm(metric="ndcg_at_5", arm="random", value=0.08, lead=0.5),
        changed_arm(metric="ndcg_at_5", arm="ease", value=0.11, lead=0.1),
        changed_arm(MODEL_ROW, metric="recall_at_5", headline=False),
    ]
    best = bottom_line_of(
        system("original", 0.3, of="ease", test=0.4), system("language_model", 0.2, of="mf")
    )
    best["metric"] = "ndcg_at_5"
    contents: dict[Artifact, object] = {BOTTOM_LINE: best, CONTROL_COMPARISON: arms}
    contents[COMPARISON] = [row, changed_row(metric="recall_at_5", ci_low=None)]
    files = {artifact: Path(Path(artifact.path).name) for artifact in (*contents, FIGURES)}
    for artifact, content in contents.items():
        write_json(files[artifact], content)
    files[FIGURES].write_text("<html></html>")
    with stage_runs.stage_run("report", config, [], deps={}) as run:
        headline.log_report(run, files)
    client = MlflowClient()
    served = {
        "bottom_line/test_ndcg_at_5": 0.4,
        "bottom_line/validation_ndcg_at_5": 0.3,
        "bottom_line/lead_of_language_model": 0.1,
    }
    parent, own = client.get_run(run.parent_id), client.get_run(run.run_id)
    assert own.data.metrics == served
    assert parent.data.metrics == served | {"gain/mf": 0.2, "lead_over_best_control/mf": 0.1}
    assert parent.data.tags["verdict"] == "MF +10.0 %: helps; EASE alone has more: 0.4000"
    assert parent.data.tags["serve"] == own.data.tags["serve"] == "EASE"
    assert parent.data.tags[NOTE].startswith("Validation prefers no language model: serve EASE")
    assert "random items" in parent.data.tags[NOTE]
    kept = [file.path for file in client.list_artifacts(run.run_id)]
    names = ["bottom_line.json", "comparison.html", "comparison.json", "controls.json"]
    assert kept == names


def test_a_long_note_is_cut_between_tables() -> None:
    best = bottom_line_of(system("original", 0.3, of="ease"), system("language_model", 0.2))
    rows, arms = [changed_row()], [MODEL_ROW] * 60
    whole = headline._note(rows, arms[:2], best)
    assert "added items from" in whole
    cut = headline._note(rows, arms, best)
    assert len(cut) <= headline.LONGEST_NOTE
    assert cut.endswith("The rest is in comparison.html.")
    assert "added items from" not in cut


def test_ready_views_name_what_is_there(config: Config, evaluation: Path) -> None:
    with stage_runs.stage_run("evaluate mf", config, [], deps={}) as run:
        variants.log_variants(run, "mf", evaluation)
        views.write_views(run, config.model_copy(update={"recommenders": ("mf",)}))
    client = MlflowClient()
    tags = client.get_experiment(run.experiment_id).tags
    for key in ("comparison", "charts-mf", "versions", "trials", "settings"):
        state = json.loads(json.loads(tags[f"{VIEW}{key}"])["state"])
        assert f"viewStateShareKey={key}" in tags[NOTE]
        listed = client.search_runs([run.experiment_id], state["searchFilter"])
        its = [found for found in listed if found.data.tags["version"] == run.about["version"]]
        assert len(its) == NUMBERS[key]
        there = {kind: {k for r in its for k in getattr(r.data, kind)} for kind in KINDS}
        for column in state.get("selectedColumns", []) if key == "comparison" else []:
            kind, name = column.split(".", 1)
            assert name.strip("`") in there[kind]
        for chart in state.get("compareRunCharts", []):
            assert chart["metricKey"] in there["metrics"]


KINDS = ("tags", "metrics", "params")
NUMBERS = {"comparison": 4, "charts-mf": 4, "versions": 1, "trials": 0, "settings": 0}
"""Runs of each view."""


@pytest.mark.slow
def test_somebody_elses_description_stays(config: Config) -> None:
    with stage_runs.stage_run("tune mf", config, [], deps={}) as run:
        client, experiment = run.client, run.experiment_id
        before = client.get_experiment(experiment).tags.get(NOTE, views.START)
        client.set_experiment_tag(experiment, NOTE, "What we found in spring.")
        views.write_views(run, config)
        after = client.get_experiment(experiment).tags[NOTE]
        client.set_experiment_tag(experiment, NOTE, before)
    assert after == "What we found in spring."
