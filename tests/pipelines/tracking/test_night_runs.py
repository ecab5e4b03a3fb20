"""A replay's nights in MLflow: a run for each, and the registry's history as it really went."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import RAW, REPLAY, REPLAY_PAGE
from llm4idrec.config import Config
from llm4idrec.replay.night import REPORT, Night
from llm4idrec.replay.replay import read_reports
from llm4idrec.report.replay_page import write_replay_page
from llm4idrec.runtime.files import read_json, write_json
from pipelines.registry.nights import BASES, CURRENT, MODEL
from pipelines.tracking import stage_runs
from pipelines.tracking.stage_log import log_stage
from tests.llm4idrec.replay.year import REPLAY as SECTION
from tests.llm4idrec.replay.year import lived, year


@pytest.fixture
def config(workplace: Callable[..., Config], own_state: None) -> Config:
    return workplace(replay=SECTION).only("itemknn")


def log(config: Config, out: Path) -> str:
    page = out.parent / "replay.html"
    write_replay_page(page, out, config)
    outputs = {REPLAY.of("itemknn"): out, REPLAY_PAGE.of("itemknn"): page}
    with stage_runs.stage_run("replay", config, [], deps={}) as run:
        log_stage(run, config, inputs={RAW: out.parent}, outputs=outputs)
    return run.run_id


def test_nights_are_runs_and_versions(config: Config, tmp_path: Path) -> None:
    out = lived(tmp_path / "lived", year())
    _decide(out)
    run_id = log(config, out)

    client = MlflowClient()
    experiment = client.get_run(run_id).info.experiment_id
    nights = client.search_runs([experiment], "tags.data = 'night'", order_by=["start_time DESC"])
    assert [run.info.run_name for run in nights] == [
        f"night {n} · 2016-07-{n + 22}" for n in range(1, 6)
    ]
    assert nights[2].data.tags["decision.promoted"] == "adapter of night 3: it was better"
    assert nights[4].info.status == "FAILED"
    assert nights[4].data.tags["data_refused"] == "half of it is missing"
    assert {"night/champion_ndcg_at_5", "seconds/retrained", "window/new_users"} <= set(
        nights[1].data.metrics
    )
    versions = {v.tags["night"]: v for v in client.search_model_versions(f"name = '{MODEL}'")}
    assert versions["1"].tags["first.reason"] == "there is no other"
    assert versions["3"].tags["promoted.after_night"] == "3"
    assert versions["3"].tags["rolled_back.after_night"] == "4"
    assert "rolled_back.reason: it was not" in versions["3"].description
    model = client.get_registered_model(MODEL)
    aliases = {name: client.get_model_version(MODEL, n) for name, n in model.aliases.items()}
    assert {name: v.tags["night"] for name, v in aliases.items()} == {
        "champion": "1",
        "challenger": "5",
    }
    got = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/1", dst_path=str(tmp_path / "got"))
    assert next(Path(got).rglob("adapter_model.safetensors")).is_file()

    bases = client.search_model_versions(f"name = '{BASES}'", order_by=["version_number ASC"])
    assert [version.tags["night"] for version in bases] == ["1", "5"]
    assert bases[1].tags["new_base.after_night"] == "4"
    assert bases[1].tags["new_base.reason"] == "adapters fell behind"
    assert client.get_model_version_by_alias(BASES, CURRENT).tags["night"] == "5"
    got = mlflow.artifacts.download_artifacts(f"models:/{BASES}@{CURRENT}", dst_path=str(tmp_path))
    assert next(Path(got).rglob("model.safetensors")).is_file()

    report = read_json(Night(out, 4).folder / REPORT)
    write_json(Night(out, 4).folder / REPORT, report | {"refused": None})
    log(config, out)  # again: the same versions, and what was taken back is gone
    versions = {v.tags["night"]: v for v in client.search_model_versions(f"name = '{MODEL}'")}
    assert "data_refused" not in versions["5"].tags
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 5
    assert len(client.search_model_versions(f"name = '{BASES}'")) == 2


def _decide(out: Path) -> None:
    """A story with all that can happen, in place of what did."""
    told: dict[int, dict[str, Any]] = {
        2: {"decisions": [("promoted", 2, "it was better")], "champion": 2, "former": 0},
        3: {
            "decisions": [
                ("rolled back", 2, "it was not"),
                ("refused", 3, "level"),
                ("new base", 4, "adapters fell behind"),
            ],
            "base": 4,
        },
        4: {"decisions": [], "refused": "half of it is missing", "is_over": True, "base": 4},
    }
    shutil.copytree(Night(out, 0).base, Night(out, 4).base)
    for number, report in enumerate(read_reports(out)):
        values = told.get(number, {"decisions": [("first", 0, "there is no other")]})
        names = ("kind", "night", "reason")
        decisions = [dict(zip(names, d, strict=True)) for d in values["decisions"]]
        stands = {"champion": 0, "former": None}
        told_now = {"decisions": decisions if number != 1 else []}
        story = {**report, **stands, **values, **told_now}
        write_json(Night(out, number).folder / REPORT, story)


def test_the_page_tells_the_story(config: Config, tmp_path: Path) -> None:
    out = lived(tmp_path / "lived", year())
    _decide(out)
    write_replay_page(tmp_path / "replay.html", out, config)
    page = (tmp_path / "replay.html").read_text()
    for words in (
        "promoted: it was better",
        "adapter of night 3 rolled back: it was not",
        "data refused: half of it is missing",
        "adapters on the base that stays have",
        "A new base was made once",
        "night 5 begins with a new base: adapters fell behind",
    ):
        assert words in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "check by check" not in page
    assert read_json(out / "summary.json")["nights"] == 5
