"""Where the report's figures come from, as its page says it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from llm4idrec.runtime.files import write_json
from tests.llm4idrec.small_run import make, small_run, tiny_config


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    return small_run(tmp_path)


def test_where_the_figures_come_from(folders: dict[str, Any]) -> None:
    made = make(folders).section("provenance")
    assert "Code commit 0123abcd Data file ratings.csv, SHA-256 " in made
    assert hashlib.sha256(b"user,item,time\n").hexdigest() in made
    assert "Filter from params.yaml" in made
    assert "Trainings on each data set 2 seeds" in made
    assert re.search(r"Parameters, SHA-256 [0-9a-f]{64} ", made)
    assert re.search(r"Packages Python 3[\d.]+, torch [\d.]+", made)
    assert "Machine of this report CPU, " in made
    assert re.search(r"Written \d{4}-\d\d-\d\d \d\d:\d\d UTC", made)


def test_a_folder_of_files_has_a_hash(folders: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.csv").write_text("user,item,time\n")
    config = tiny_config(data={"path": str(tmp_path / "shop")})
    made = make(folders, config=config, source=tmp_path / "shop").section("provenance")
    assert re.search(r"Data folder shop, SHA-256 [0-9a-f]{64} ", made)


def test_what_is_not_known_leaves_no_hole(folders: dict[str, Any], tmp_path: Path) -> None:
    made = make(folders, code="", source=tmp_path / "gone.csv").section("provenance")
    assert made.startswith("Provenance Parameters, SHA-256 ")


def test_no_place_of_this_machine_is_named(folders: dict[str, Any], tmp_path: Path) -> None:
    data = {"path": str(tmp_path / "ratings.csv")}
    model = {"kind": "pretrained", "name": str(tmp_path / "weights"), "revision": "main"}
    config = tiny_config(data=data, base_model=model)
    page = make(folders, config=config)
    assert str(tmp_path) not in (folders["out"] / "comparison.html").read_text()
    assert "Base model weights, revision main" in page.section("provenance")


def test_json_is_the_same_whatever_the_machine(folders: dict[str, Any], tmp_path: Path) -> None:
    names = "comparison.json", "controls.json", "metrics.json"
    make(folders)
    before = [(folders["out"] / name).read_bytes() for name in names]
    make(folders, code="commit ffff", source=tmp_path / "gone.csv")
    assert [(folders["out"] / name).read_bytes() for name in names] == before


def test_a_tuned_filter(folders: dict[str, Any]) -> None:
    source = Path("artifacts/tuning/mf/params.yaml")
    numbers = {"original": 0.2, "untuned": 0.21, "best": 0.25, "best_trial": 7}
    write_json(source.parent / "summary.json", numbers | {"complete": 9, "pruned": 2, "failed": 1})
    config = tiny_config()
    filtering = config.filter.model_copy(update={"source": source})
    page = make(folders, config=config.model_copy(update={"filter": filtering}))
    tuning = page.section("tuning")
    assert "The filter is the one of artifacts/tuning/mf/params.yaml ." in tuning
    assert "Trials 12 Best trial number 7 Nothing added 0.2000" in tuning
    assert "Settings of params.yaml 0.2100 +5.0 % Best trial 0.2500 +25.0 %" in tuning
    assert "Filter from artifacts/tuning/mf/params.yaml" in page.section("provenance")
    assert "tuning/mf.html" not in page.links  # there is no such page
    (folders["out"] / "tuning").mkdir()
    (folders["out"] / "tuning" / "mf.html").touch()
    page = make(folders, config=config.model_copy(update={"filter": filtering}))
    assert "tuning/mf.html" in page.links
    assert "tuning" not in make(folders).headings
