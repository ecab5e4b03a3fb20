"""The driver from its command line, with real ZenML and MLflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from mlflow.tracking import MlflowClient

from llm4idrec.__main__ import main as library_main
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json
from llm4idrec.runtime.project import enter_project
from llm4idrec.stages import STAGES
from pipelines import run
from pipelines.checks import TO_GENERATE, check_ahead, untracked
from pipelines.tracking import stage_runs

REPO = Path(__file__).resolve().parents[2]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run.main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    commands = "all", "ui", "verdict", "promote", "rollback", "recommend"
    assert all(f"    {name}" in shown for name in (*STAGES, *commands))


def test_unknown_parameters_are_one_sentence_and_exit_code_2(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    params = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(params | {"sead": 1}))
    assert run.main(["prepare"]) == 2
    assert "unknown key `sead`" in capfd.readouterr().err


def test_a_recommender_that_is_not_compared_is_refused(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert run.main(["evaluate", "--recommender", "svd"]) == 2
    assert capfd.readouterr().err == (
        "params.yaml: `recommenders` has no 'svd'; expected one of mf, lightgcn\n"
    )


def test_a_missing_input_names_the_file(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace(data={"path": "elsewhere.csv"})
    assert run.main(["prepare"]) == 2
    assert capfd.readouterr().err.startswith("elsewhere.csv: there is no such file")


@pytest.mark.parametrize(
    "stage", ["prepare", "base_model", "adapter", "generate", "controls", "evaluate"]
)
def test_what_a_later_stage_would_refuse_is_refused_at_the_start_of_each(
    stage: str,
    workplace: Callable[..., Config],
    tiny_artifacts: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    workplace(p5={"name": "./nowhere"})
    params = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(params | {"recommenders": ["mf", "p5"]}))
    if stage != "prepare":
        shutil.copytree(tiny_artifacts / "artifacts", "artifacts")
    for name in ("augmented", "replicates", "settings"):
        Path("artifacts", name).mkdir(parents=True)
    assert run.main([stage, *(["--recommender", "mf"] if stage == "evaluate" else [])]) == 2
    out, err = capfd.readouterr()
    assert err.startswith("T5 './nowhere' cannot be loaded (")
    assert "started" not in out
    Path("artifacts/evaluation/p5").mkdir(parents=True)
    check_ahead("evaluate", Config.read(Path("params.yaml")), None)  # it has been evaluated


@pytest.mark.slow
def test_what_the_split_decides_fails_the_first_stage(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    lines = [f"u{user},m{(user + item) % 20},{item}" for user in range(20) for item in range(3)]
    Path("ratings.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    assert run.main(["prepare"]) == 2
    assert "no user has 3 items in the train set" in capfd.readouterr().err
    assert not Path("artifacts/train").exists()


def test_a_filter_that_tuning_is_to_find_is_not_asked_for_before(
    workplace: Callable[..., Config],
) -> None:
    source = "artifacts/tuning/mf/params.yaml"
    config = workplace(filter={"source": source})
    with pytest.raises(InputError, match="run `dvc repro tune`"):
        check_ahead("prepare", config, None)
    check_ahead("report", config, None)
    check_ahead(
        "prepare", workplace(filter={"source": source}, tune={"recommenders": ["mf"]}), None
    )


def test_commands_find_the_project_from_below_and_paths_are_those_from_there(
    workplace: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workplace()
    below = Path("reports/notes")
    below.mkdir(parents=True)
    here = below.resolve()
    to = ["--format", "recbole", "--data", "original", "--to", "exported/tiny"]
    for command in (["prepare"], ["export", *to]):
        monkeypatch.chdir(here)
        assert library_main(command) == 0
    assert Path("artifacts/train").is_dir()
    assert [path.name for path in here.iterdir()] == ["exported"]
    monkeypatch.chdir(here)
    assert library_main(["prepare", "--params", "../../params.yaml"]) == 2  # it says `ratings.csv`
    monkeypatch.chdir(here)
    assert run.main(["verdict"]) == 2
    assert "reports/comparison.json: there is no report yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("other", "{here}/other"),
        ("../other.csv", "{here}/../other.csv"),
        ("/data/other", "/data/other"),
        ("s3://bucket/other.csv", "s3://bucket/other.csv"),
        ("models:/mine@champion", "models:/mine@champion"),
    ],
)
def test_a_source_and_a_model_are_addresses_or_paths_from_there(
    given: str, expected: str, workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace()
    root, here = Path.cwd(), Path("sub").resolve()
    here.mkdir()
    for command, name in (
        (["all", "--source"], "source"),
        (["recommend", "--histories", "a", "--to", "b", "--model"], "model"),
    ):
        monkeypatch.chdir(here)
        options = run.parser().parse_args([*command, given])
        enter_project(options)
        assert Path.cwd() == root
        assert str(getattr(options, name)) == expected.format(here=here)


def test_parameters_that_tuning_left_are_no_project(
    workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace()
    root, tuned = Path.cwd(), Path("artifacts/tuning/mf").resolve()
    Path("dvc.yaml").write_text("stages: {}\n")
    tuned.mkdir(parents=True)
    (tuned / "params.yaml").write_text("filter: {min_votes: 1}\n")
    monkeypatch.chdir(tuned)
    enter_project(Namespace())
    assert Path.cwd() == root


@pytest.mark.slow
def test_data_that_a_copy_would_lack_are_a_hint(
    workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_DIR", raising=False)
    workplace()
    file = Path("ratings.csv")
    assert untracked(file) is None  # neither git nor DVC is here
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True)
    hint = untracked(file)
    assert hint
    assert hint.startswith("ratings.csv: neither git nor DVC tracks it, so `dvc exp run --queue`")
    assert untracked(file.resolve()) is None
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "ratings.csv"], check=True)
    assert untracked(file) is None
    Path("ratings.csv.dvc").unlink()
    subprocess.run(["git", "add", "-f", "ratings.csv"], check=True)
    assert untracked(file) is None


@pytest.mark.slow
def test_a_fault_inside_a_step_is_one_sentence_a_failed_run_and_no_file(
    workplace: Callable[..., Config],
) -> None:
    workplace()
    with Path("ratings.csv").open("a") as stream:
        stream.write("u1,m1,yesterday\n")
    lines = len(Path("ratings.csv").read_text().splitlines())
    process = subprocess.run(
        [sys.executable, "-m", "pipelines.run", "prepare"],
        env=environment_with_code(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    (sentence,) = process.stderr.splitlines()
    assert sentence.startswith(f"ratings.csv, line {lines}: ")
    assert "yesterday" in sentence
    assert not Path("artifacts").exists()
    client = MlflowClient()
    failed = client.search_runs(
        [stage_runs.experiment_id(client)], "attributes.status = 'FAILED'", max_results=2
    )
    assert sentence in [found.data.tags.get("error") for found in failed]


@pytest.mark.slow
def test_all_stages_of_a_version_stand_under_one_parent(workplace: Callable[..., Config]) -> None:
    config = workplace(split={"valid": 0.15})
    apart = ("tune", "replay", "evaluate", "report")
    stages = [[name] for name in STAGES if name not in apart]
    stages += [["evaluate", "--recommender", name] for name in config.recommenders]
    for command in (*stages, ["report"]):
        assert run.main(command) == 0
    assert Path("reports/comparison.html").is_file()
    client = MlflowClient()
    experiment = [stage_runs.experiment_id(client)]
    version = f"tags.`{stage_runs.VERSION}` = '{stage_runs.version_hash(config)}'"
    (parent,) = client.search_runs(experiment, version)
    nested = client.search_runs(experiment, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    labels = [" ".join(command).replace(" --recommender", "") for command in stages]
    assert sorted(found.data.tags["stage"] for found in nested) == sorted([*labels, "report"])


@pytest.mark.slow
def test_a_tuned_filter_is_run_as_it_was_tried(workplace: Callable[..., Config]) -> None:
    changes: dict[str, Any] = {
        "tune": {"recommenders": ["mf"], "trials": 4, "workers": 1},
        "evaluation": {"selection_seeds": 2},
    }
    workplace(**changes)
    for name in TO_GENERATE:
        assert run.main([name]) == 0
    test_set = Path("artifacts/heldout/test.parquet")
    test_set.rename("set_aside")  # what is not there cannot be read
    assert run.main(["tune"]) == 0
    Path("set_aside").rename(test_set)
    tuned = Path("artifacts/tuning/mf")
    trials = pq.read_table(tuned / "trials.parquet").to_pylist()
    best = max((t for t in trials if t["amount"]), key=lambda t: t["value"])
    assert "nothing added" in Path("reports/tuning/mf.html").read_text()
    client = MlflowClient()
    of_trials = client.search_runs(
        [stage_runs.experiment_id(client)], "tags.stage = 'trial'", order_by=["start_time DESC"]
    )[:4]
    assert {found.data.metrics["trial/value"] for found in of_trials} == {
        trial["value"] for trial in trials
    }
    assert len({found.data.tags["mlflow.parentRunId"] for found in of_trials}) == 1

    workplace(**changes, filter={"source": str(tuned / "params.yaml")})
    for command in (["augment"], ["evaluate", "--recommender", "mf"]):
        assert run.main(command) == 0
    chosen = read_json(Path("artifacts/evaluation/mf/selection.json"))["arms"]["language_model"]
    nothing, added = chosen["scores"]
    assert nothing["by_seed"] == pytest.approx(trials[0]["by_seed"], rel=1e-12)
    assert added["by_seed"] == pytest.approx(best["by_seed"], rel=1e-12)
    assert added["amount"] == best["amount"]


def test_tuning_says_what_is_missing(
    workplace: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert run.main(["tune"]) == 2
    assert "`tune.recommenders` is empty" in capsys.readouterr().err
    workplace(filter={"source": "artifacts/tuning/mf/params.yaml"})
    assert run.main(["augment"]) == 2
    assert "run `dvc repro tune`" in capsys.readouterr().err


def environment_with_code() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO)}


@pytest.mark.slow
def test_a_data_file_that_was_moved_is_still_the_data_file(
    workplace: Callable[..., Config],
) -> None:
    """ZenML knows its bytes already, at another place."""
    workplace()
    assert run.main(["prepare"]) == 0
    Path("elsewhere").mkdir()
    Path("ratings.csv").rename("elsewhere/ratings.csv")
    workplace(data={"path": "elsewhere/ratings.csv"})
    assert run.main(["prepare"]) == 0


@pytest.mark.slow
def test_mlflow_names_the_protocol_that_was_taken(workplace: Callable[..., Config]) -> None:
    """On the stage's run and on its parent; the parameter stays what `params.yaml` says."""
    workplace(split={"protocol": "auto"})
    assert run.main(["prepare"]) == 0
    client = MlflowClient()
    found = client.search_runs(
        [stage_runs.experiment_id(client)], "tags.stage = 'prepare'", order_by=["start_time DESC"]
    )[0]
    assert found.data.tags["protocol"] == "global_time"
    assert found.data.params["split.protocol"] == "auto"
    parent = client.get_run(found.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["protocol"] == "global_time"
