"""Tracking with a real store."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import ADAPTER, SOURCE
from llm4idrec.config import Config
from llm4idrec.runtime.files import write_json
from pipelines.git import git_tags
from pipelines.tools import mlflow_internals
from pipelines.tools.dvc_internals import dvc_hash
from pipelines.tracking import stage_runs
from pipelines.tracking.search import tagged


@pytest.fixture(autouse=True)
def _no_runs() -> None:
    """A version is a hash of content, so the same tiny parameters would meet again."""
    client = MlflowClient()
    for run in client.search_runs([stage_runs.experiment_id(client)]):
        client.delete_run(run.info.run_id)


@pytest.fixture
def config(workplace: Callable[..., Config]) -> Config:
    return workplace()


@pytest.fixture
def out() -> Path:
    folder = Path("artifacts/adapter")
    folder.mkdir(parents=True)
    write_json(folder / "summary.json", {"seconds": 1.5, "pairs": 3})
    history = {"series": ["amount=0.1", "amount=0.1"], "step": [1, 2], "loss": [0.5, None]}
    pq.write_table(pa.table(history), folder / "history.parquet")
    return folder


def runs(config: Config) -> tuple[Run, list[Run]]:
    """The parent of this version and its nested runs, newest first."""
    client = MlflowClient()
    experiment = stage_runs.experiment_id(client)
    version = stage_runs.version_hash(config)
    (parent,) = client.search_runs([experiment], f"tags.`{stage_runs.VERSION}` = '{version}'")
    nested = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    return parent, client.search_runs([experiment], nested)


def test_a_stage_is_a_nested_run_with_numbers_parameters_and_hashes(
    config: Config, out: Path
) -> None:
    source = Path("ratings.csv")
    with stage_runs.stage_run("adapter", config, ["adapter", "seed"], deps={SOURCE: source}) as run:
        run.log_outputs({ADAPTER: out})
    parent, (nested,) = runs(config)
    assert parent.info.status == nested.info.status == "FINISHED"
    assert nested.data.metrics["adapter/seconds"] == 1.5
    history = MlflowClient().get_metric_history(nested.info.run_id, "adapter/amount_0.1/loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.5)]
    assert nested.data.params["adapter.rank"] == "2"
    assert nested.data.params["seed"] == str(config.seed)
    assert "filter.min_votes" not in nested.data.params
    assert parent.data.params["filter.min_votes"] == "1"
    assert nested.data.tags["outs.artifacts/adapter"] == dvc_hash(out)
    assert nested.data.tags["deps.data.path"] == dvc_hash(source)
    assert nested.data.tags["git.commit"] == "none"


def test_a_failed_stage_is_a_failed_run_and_the_next_one_joins_the_same_parent(
    config: Config,
) -> None:
    with (
        pytest.raises(ValueError, match="no memory"),
        stage_runs.stage_run("generate", config, [], deps={}),
    ):
        raise ValueError("no memory")
    parent, (nested,) = runs(config)
    assert parent.info.status == nested.info.status == "FAILED"
    assert nested.data.tags["error"] == "no memory"
    with stage_runs.stage_run("generate", config, [], deps={}):
        assert runs(config)[0].info.status == "RUNNING"
    again, both = runs(config)
    assert again.info.run_id == parent.info.run_id
    assert again.info.status == "FINISHED"
    assert len(both) == 2


def test_another_version_is_another_parent(
    workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stage_runs.version_hash(workplace())
    assert stage_runs.version_hash(workplace()) == first
    assert stage_runs.version_hash(workplace(filter={"min_votes": 2})) != first
    config = workplace()
    Path("data.dvc").write_text("outs:\n- md5: 0\n")
    assert stage_runs.version_hash(config) != first
    client = MlflowClient()
    monkeypatch.setenv("DVC_EXP_NAME", "brave-try")
    parent = client.get_run(stage_runs.parent_run(client, stage_runs.experiment_id(client), config))
    assert parent.data.tags[stage_runs.VERSION] == "brave-try"


def test_a_repeated_stage_marks_its_earlier_runs(config: Config) -> None:
    for _ in range(3):
        with stage_runs.stage_run("generate", config, [], deps={}):
            pass
    with stage_runs.stage_run("augment", config, [], deps={}):
        pass
    _, nested = runs(config)
    assert [run.info.run_name for run in nested] == [
        "augment",
        "generate",
        "generate (superseded)",
        "generate (superseded)",
    ]
    newest = nested[1].info.run_id
    assert nested[2].data.tags[stage_runs.SUPERSEDED] == newest


def test_a_failed_repetition_leaves_what_was_there(config: Config) -> None:
    with stage_runs.stage_run("generate", config, [], deps={}):
        pass
    with pytest.raises(ValueError), stage_runs.stage_run("generate", config, [], deps={}):  # noqa: PT011
        raise ValueError
    _, nested = runs(config)
    assert [run.info.run_name for run in nested] == ["generate", "generate"]


def test_a_version_says_what_it_is(workplace: Callable[..., Config]) -> None:
    config = workplace()
    assert stage_runs.about(config) == {
        "dataset": "tiny",
        "filter": "params.yaml",
        "version": stage_runs.version_hash(config)[:12],
    }
    tuned = workplace(filter={"source": "artifacts/tuning/mf/params.yaml"})
    with stage_runs.stage_run("generate", tuned, [], deps={}):
        pass
    parent, (nested,) = runs(tuned)
    assert parent.info.run_name == f"tiny · tuned for mf · {stage_runs.version_hash(tuned)[:12]}"
    assert nested.data.tags["filter"] == parent.data.tags["filter"] == "tuned for mf"


def test_what_a_killed_process_left_open_is_closed(config: Config, out: Path) -> None:
    client = MlflowClient()
    killed = stage_runs.stage_run("adapter", config, [], deps={})
    run = killed.__enter__()  # and never left
    inside = client.create_run(run.experiment_id, tags={mlflow_internals.PARENT: run.run_id})
    elsewhere = {stage_runs.STAGE: "adapter", stage_runs.PLACE: "other:/machine"}
    other = client.create_run(run.experiment_id, tags={mlflow_internals.PARENT: "x", **elsewhere})
    with stage_runs.stage_run("adapter", config, [], deps={}):
        pass
    parent, nested = runs(config)
    assert parent.info.status == "FINISHED"
    assert [found.info.status for found in nested] == ["FINISHED", "KILLED"]
    assert client.get_run(inside.info.run_id).info.status == "KILLED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's", 'a"b', "both'\"`", "back\\slash'", "x' or '1'='1"])
def test_any_text_can_be_in_a_tag(
    config: Config, out: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a folder, of an experiment of DVC's: runs are found again, and closed, by it alone."""
    Path(name).mkdir()
    monkeypatch.chdir(name)
    monkeypatch.setenv("DVC_EXP_NAME", name)
    client = MlflowClient()
    experiment = stage_runs.experiment_id(client)
    look_alike = {stage_runs.VERSION: name.translate(dict.fromkeys(map(ord, "'\"`\\"), "-"))}
    client.create_run(experiment, tags=look_alike)
    killed = stage_runs.stage_run("adapter", config, [], deps={})
    killed.__enter__()  # and never left
    for _ in range(2):
        with stage_runs.stage_run("adapter", config, [], deps={}):
            pass
    (parent,) = tagged(client, experiment, {stage_runs.VERSION: name})
    nested = tagged(client, experiment, {mlflow_internals.PARENT: parent.info.run_id})
    assert sorted(run.info.status for run in nested) == ["FINISHED", "FINISHED", "KILLED"]
    assert sum(stage_runs.SUPERSEDED in run.data.tags for run in nested) == 2


def test_the_commit_of_another_users_repository(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    mine = git_tags()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own, for its tests
    refused = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, check=False)
    assert refused.returncode
    assert git_tags() == mine
    assert mine["git.commit"] != "none"
