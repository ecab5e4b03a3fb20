"""A recommender of the user's own under DVC, ZenML and MLflow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient

from llm4idrec.config import Config
from llm4idrec.runtime.files import read_json
from pipelines import run
from pipelines.own_recommenders import SECTIONS, main
from pipelines.tracking import stage_runs
from tests.conftest import REPO, tiny_values
from tests.llm4idrec.own.recommenders import EASES

MINE = EASES | {"settings": {"l2": 10.0}, "search": {"l2": [1.0, 300.0]}}


def write(params: dict[str, Any]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(params))


def test_the_file_holds_what_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = tiny_values() | {"mine": MINE, "other": EASES}
    write(params | {"tune_recommenders": {"names": ["mine", "ease"]}})
    assert main() == 0
    assert read_json(SECTIONS).keys() == {"mine"}
    assert read_json(SECTIONS)["mine"]["search"] == MINE["search"]


@pytest.mark.slow
def test_dvc_searches_again_where_a_section_changes_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    params = tiny_values(tune_recommenders={"names": ["mine"]}) | {"mine": MINE}
    params["recommenders"] = ["mine"]
    stages = yaml.safe_load((REPO / "dvc.yaml").read_text())["stages"]
    own = stages["own_recommenders"]
    (search,) = (dep for dep in stages["tune_recommenders"]["deps"] if dep in own["outs"])
    evaluate = {"foreach": stages["evaluate"]["foreach"], "do": {"params": ["${item}"]}}
    evaluate["do"] |= {"cmd": "echo ${item} > ${item}.txt", "outs": ["${item}.txt"]}
    found = {"cmd": "cp artifacts/own_recommenders.json found", "deps": [search], "outs": ["found"]}
    Path("dvc.yaml").write_text(
        yaml.safe_dump({"stages": {"own": own, "search": found, "evaluate": evaluate}})
    )
    dvc("init", "--quiet", "--no-scm")

    def ran() -> set[str]:
        write(params)
        lines = dvc("repro").splitlines()
        return {line.split("'")[1] for line in lines if line.startswith("Running stage")}

    assert ran() == {"own", "search", "evaluate@mine"}
    assert ran() == set()
    params["filter"]["max_ratio"] = 0.25
    assert ran() == {"own"}
    params["mine"] = MINE | {"version": 2}
    assert ran() == {"own", "search", "evaluate@mine"}
    params["mine"] = MINE | {"version": 2, "search": {"l2": [1.0, 30.0]}}
    assert ran() == {"own", "search", "evaluate@mine"}


def dvc(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.slow
def test_the_whole_flow_as_one_pipeline(workplace: Callable[..., Config]) -> None:
    """It has a step, runs of its own for what it was trained on, and trials."""
    workplace()
    params = tiny_values(tune_recommenders={"names": ["mine"], "trials": 2, "workers": 1})
    params |= {"recommenders": ["ease", "mine"], "mine": MINE, "controls": ["ease"]}
    write(params)
    assert run.main(["all"]) == 0
    client = MlflowClient()
    experiment = [stage_runs.experiment_id(client)]
    mine = client.search_runs(experiment, "tags.recommender = 'mine'")
    assert {"original", "trial"} <= {found.data.tags["data"] for found in mine}
    version = f"tags.`{stage_runs.VERSION}` = '{stage_runs.version_hash(Config.parse(params))}'"
    (parent,) = client.search_runs(experiment, version)
    assert parent.data.metrics.keys() >= {"gain/ease", "gain/mine"}
    assert parent.data.metrics["gain/ease"] is not None
