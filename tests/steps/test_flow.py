"""The steps' functions one after the other, in place, without a ZenML store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm4idrec.config import Config
from llm4idrec.runtime.files import content_hash
from pipelines import wiring
from pipelines.stages import HELDOUT, RAW, STAGES, Files
from steps.workspace import IN_PLACE, workspace


class Direct:
    """Calls a step's function at once; `after` and `id` only say something to ZenML."""

    def __init__(self, step: Any) -> None:
        self._function = step.entrypoint

    def __call__(self, *arguments: Any, after: Any = None, id: str = "") -> Any:
        return self._function(*arguments)


@pytest.fixture
def run_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Config, Files], Files]:
    monkeypatch.setenv(IN_PLACE, "1")
    for file in Path(wiring.__file__).parents[1].glob("steps/[a-z]*.py"):
        if hasattr(wiring, file.stem):
            monkeypatch.setattr(wiring, file.stem, Direct(getattr(wiring, file.stem)))

    def run(name: str, config: Config, files: Files) -> Files:
        files |= wiring.WIRINGS[name](config, files)
        return files

    return run


@pytest.mark.slow
def test_each_stage_writes_what_the_table_says_and_only_tuning_and_evaluation_need_held_out_files(
    workplace: Callable[..., Config], run_stage: Callable[[str, Config, Files], Files]
) -> None:
    config = workplace(tune={"trials": 3, "workers": 1})
    files = run_stage("prepare", config, STAGES["prepare"].inputs(config))
    held_out = content_hash(Path(HELDOUT))
    # What is not there cannot be read: neither held-out pairs nor the file they come from.
    shutil.move(HELDOUT, "set_aside")
    shutil.rmtree(RAW)
    Path("ratings.csv").unlink()
    for name in ("base_model", "adapter", "generate", "controls", "augment"):
        files = run_stage(name, config, files)
    shutil.move("set_aside", HELDOUT)
    assert content_hash(Path(HELDOUT)) == held_out
    for name in ("tune", "evaluate", "report"):
        files = run_stage(
            name, config, files | {"artifacts/evaluation": Path("artifacts/evaluation")}
        )
    for name, stage in STAGES.items():
        for key, path in stage.outputs(config).items():
            assert files[key] == path
            assert path.exists() or (name, key) == ("prepare", RAW)


def test_elsewhere_a_step_writes_to_a_temporary_folder_of_the_same_name() -> None:
    first, second = workspace("artifacts/train"), workspace("artifacts/train")
    assert first.name == second.name == "train"
    assert first.parent != second.parent
    assert first.parent.is_dir()
    for path in (first, second):
        path.parent.rmdir()
