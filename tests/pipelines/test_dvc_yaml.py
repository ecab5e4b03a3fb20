"""`dvc.yaml` is made from the declarations of the stages and the imports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.config import Config, FilterConfig
from llm4idrec.stages import STAGES
from pipelines.code_dependencies import code_of_stage
from pipelines.dvc_yaml import dvc_yaml
from tests.evidence.augmenting import AUGMENTING

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / "dvc.yaml").read_text(encoding="utf-8")
DVC = {
    name: stage.get("do", stage)  # of a stage for each recommender
    for name, stage in yaml.safe_load(TEXT)["stages"].items()
}
CONFIG = Config.read(REPO / "params.yaml")
HELD_OUT = {"artifacts/raw", "artifacts/heldout", "${data.path}"}


@pytest.mark.slow
def test_it_is_current() -> None:
    assert dvc_yaml() == TEXT, "run `make dvc.yaml`"


def test_what_shapes_the_candidates_shapes_replicates() -> None:
    made = {
        key
        for name in ("base_model", "prompts", "adapter", "generate", "controls")
        for key in STAGES[name].params
    }
    assert set(STAGES["replicate"].params) >= made - {"threads"}  # each training has one


@pytest.mark.parametrize("name", [stage.name for stage in AUGMENTING])
def test_what_shapes_the_augmentation_reads_nothing_held_out(name: str) -> None:
    assert not HELD_OUT & set(DVC[name]["deps"])


def test_tuning_depends_on_all_of_the_filter_but_its_source() -> None:
    keys = {key.partition(".")[2] for key in DVC["tune"]["params"] if key.startswith("filter.")}
    assert keys == FilterConfig.model_fields.keys() - {"source"}


def test_every_key_that_a_stage_depends_on_is_one_of_the_parameters() -> None:
    values = CONFIG.model_dump()
    for stage in STAGES.values():
        for key in stage.keys(CONFIG.model_copy(update={"recommenders": ("mf",)})):
            found: Any = values
            for part in key.split("."):
                found = found[part]


@pytest.mark.parametrize(
    ("stage", "reached", "file"),
    [
        ("prepare", True, "llm4idrec/data/formats/__init__.py"),  # a package that has code
        ("prepare", False, "llm4idrec/language_model/adapter.py"),  # of another stage
        ("generate", True, "llm4idrec/nn/catalogue_trie.py"),  # imported by what is imported
        ("adapter", True, "llm4idrec/config/presets.py"),
        ("prepare", True, "steps/validation.py"),
        ("base_model", False, "steps/validation.py"),
        ("report", True, "llm4idrec/report/page.html"),
        ("report", False, "llm4idrec/config/data.py"),
        ("evaluate", True, "llm4idrec/recommenders/graph/lightgcn.py"),
    ],
)
def test_code_is_followed_through_imports(stage: str, reached: bool, file: str) -> None:
    assert (file in code_of_stage(STAGES[stage])) is reached


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recommenders", "said"),
    [
        ("[mf, mf, ease]", "evaluate@mf\nevaluate@ease\n"),
        ("mf", "'stages.evaluate.foreach' in 'dvc.yaml': expected list/dictionary, got str"),
    ],
)
def test_dvc_takes_each_recommender_once_and_refuses_a_word(
    recommenders: str, said: str, tmp_path: Path
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        text = (REPO / name).read_text(encoding="utf-8")
        text = re.sub(r"(?m)^recommenders: .*$", f"recommenders: {recommenders}", text)
        (tmp_path / name).write_text(text, encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [*dvc, "stage", "list", "--name-only"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said in listed.stdout + listed.stderr
