"""The steps' functions one after the other, in place, without a ZenML store."""

from __future__ import annotations

import shutil
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
    config = workplace(tune={"trials": 3, "workers": 1, "recommenders": ["mf"]})
    files: Any = {SOURCE: config.data.path, wiring.CONFIG: config}
    run_stage("prepare", config, files)
    held_out = content_hash(Path(HELDOUT.path))
    # What is not there cannot be read: neither held-out pairs nor the file they come from.
    shutil.move(HELDOUT.path, "set_aside")
    shutil.rmtree(RAW.path)
    Path("ratings.csv").unlink()
    for name in ("base_model", "prompts", "adapter", "generate", "controls", "augment"):
        run_stage(name, config, files)
    shutil.move("set_aside", HELDOUT.path)
    assert content_hash(Path(HELDOUT.path)) == held_out
    files |= {folder: Path(folder.path) for folder in wiring.GATHERED}
    for name in ("tune", "evaluate", "report"):
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
    config = workplace(tune={"trials": 3, "workers": 1, "recommenders": ["mf"]})
    for name, stage in STAGES.items():
        if name != "report":
            for each in stage.configs(stage.config_for(config)):
                stage.run(stage.files(each), only(each, [*stage.keys(each), *SHAPING_NOTHING]))


SHAPING_NOTHING = ("memory", "evaluation.workers", "tune.workers", "recommenders")


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
    return left


def test_elsewhere_a_step_writes_to_a_temporary_folder() -> None:
    first, second = Workspace(), Workspace()
    assert first.place(TRAIN).parts[-2:] == ("artifacts", "train")
    assert first.place(TRAIN).parent == first.place(RAW).parent != second.place(RAW).parent
    for workspace in (first, second):
        workspace.place(RAW).parents[1].rmdir()
