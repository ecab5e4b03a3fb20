"""The steps' functions one after the other, in place, without a ZenML store."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm4idrec.artifacts import HELDOUT, RAW, SOURCE, TRAIN, Files, places
from llm4idrec.config import Config
from llm4idrec.runtime.files import content_hash
from llm4idrec.stages import STAGES
from pipelines.orchestration import wiring
from steps.stages import step_named
from steps.workspace import IN_PLACE, Workspace
from tests.conftest import REPO

FIRST = ("prepare", "tune_recommenders")
NEEDING_HELD_OUT = ("tune", "evaluate", "rank", "report")
NEEDING_RAW = ("prepare", "replay")
"""The second lives through all of it, window by window."""
ASKED_FOR = {
    "tune": {"trials": 3, "workers": 1, "recommenders": ["mf"]},
    "replay": {"every": 100, "recommenders": ["itemknn"]},
}


class Direct:
    """Calls a step's function at once; `after` and `id` only say something to ZenML."""

    def __init__(self, name: str) -> None:
        self._function = step_named(name).entrypoint  # type: ignore[attr-defined]

    def __call__(self, *, after: Any = None, id: str = "", **given: Any) -> Any:
        return self._function(**given)

    def with_options(self, **options: Any) -> Direct:
        return self


@pytest.fixture
def run_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Config, Files], None]:
    monkeypatch.setenv(IN_PLACE, "1")
    monkeypatch.setattr(wiring, "step_named", Direct)

    def run(name: str, config: Config, files: Files) -> None:
        stage = STAGES[name]
        wiring.wire(stage, stage.config_for(config), files)

    return run


@pytest.mark.slow
def test_each_stage_writes_what_it_declares_and_only_tuning_and_evaluation_need_held_out_files(
    workplace: Callable[..., Config], run_stage: Callable[[str, Config, Files], None]
) -> None:
    config = workplace(**ASKED_FOR)
    files: Any = {SOURCE: config.data.path, wiring.CONFIG: config}
    first = tuple(dict.fromkeys((*FIRST, *NEEDING_RAW)))
    for name in first:
        run_stage(name, config, files)
    held_out = content_hash(Path(HELDOUT.path))
    # What is not there cannot be read: neither held-out pairs nor the file they come from.
    shutil.move(HELDOUT.path, "set_aside")
    shutil.rmtree(RAW.path)
    Path("ratings.csv").unlink()
    others = [name for name in STAGES if name not in (*first, *NEEDING_HELD_OUT)]
    for name in others:
        run_stage(name, config, files)
    shutil.move("set_aside", HELDOUT.path)
    assert content_hash(Path(HELDOUT.path)) == held_out
    files |= {folder: Path(folder.path) for folder in wiring.GATHERED}
    for name in NEEDING_HELD_OUT:
        run_stage(name, config, files)
    for stage in STAGES.values():
        for artifact, path in places(stage.outputs, stage.config_for(config)).items():
            assert files[artifact] == path
            assert path.exists() or artifact == RAW


@pytest.mark.slow
def test_a_stage_reads_no_parameters_but_those_it_declares(
    workplace: Callable[..., Config],
) -> None:
    """All others are taken away: reading one would fail. The report shows all of them."""
    config = workplace(**ASKED_FOR)
    for name, stage in STAGES.items():
        if name != "report":
            for each in stage.configs(stage.config_for(config)):
                stage.run(stage.files(each), only(each, [*stage.keys(each), *SHAPING_NOTHING]))


SHAPING_NOTHING = (
    "memory",
    "evaluation.workers",
    "tune.workers",
    "tune_recommenders.workers",
    "replicates.workers",
    "recommenders",
)


def test_what_shapes_nothing_has_no_step_run_again() -> None:
    config = Config.read(REPO / "params.yaml").model_copy(update={"recommenders": ("mf",)})
    more = {"memory": config.memory + 1}
    for name in ("evaluation", "tune", "tune_recommenders", "replicates"):
        section = getattr(config, name)
        more[name] = section.model_copy(update={"workers": section.workers + 1})
    for stage in STAGES.values():
        assert stage.shaped_by(config) == stage.shaped_by(config.model_copy(update=more))


@pytest.mark.slow
def test_outputs_have_one_order_in_every_process() -> None:
    """It is part of the key of ZenML's cache."""
    code = (
        "from steps.stages import STAGES, step_named\n"
        "for name in STAGES: print(name, *step_named(name).configuration.outputs)"
    )
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    listed = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]  # fmt: skip
    wanted = [" ".join([n, *(a.name for a in s.writes)]) for n, s in STAGES.items()]
    assert listed == [wanted, wanted]


def test_help_says_of_each_stage_a_whole_line() -> None:
    assert [stage.about for stage in STAGES.values() if not stage.about.endswith(".")] == []


def only(config: Config, keys: list[str]) -> Config:
    """Without all that is not below one of the keys."""
    kept = {key.partition(".")[0] for key in keys}
    sections = {}
    for name in kept:
        section = getattr(config, name)
        if name not in keys:
            inner = {key.partition(".")[2] for key in keys if key.startswith(f"{name}.")}
            section = section.model_copy()
            for key in section.__dict__.keys() - inner:
                del section.__dict__[key]
        sections[name] = section
    left = config.model_copy()
    left.__dict__.clear()
    left.__dict__.update(sections)
    left.__pydantic_extra__ = {n: own for n, own in config.own_recommenders.items() if n in kept}
    return left


def test_elsewhere_a_step_writes_to_a_temporary_folder() -> None:
    first, second = Workspace(), Workspace()
    assert first.place(TRAIN).parts[-2:] == ("artifacts", "train")
    assert first.place(TRAIN).parent == first.place(RAW).parent != second.place(RAW).parent
    for workspace in (first, second):
        workspace.place(RAW).parents[1].rmdir()
