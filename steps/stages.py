"""A ZenML step for each stage of the library, and one for what must hold of its files.

They are attributes of this module under their names, by which ZenML finds them on other machines.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from llm4idrec.artifacts import Artifact, Files
from llm4idrec.config import Config
from llm4idrec.stages import STAGES
from llm4idrec.stages.stage import Expectations, Stage
from steps.step import step
from steps.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """What a step does: of a stage, or of its expectations."""

    name: str
    about: str
    reads: tuple[Artifact, ...]
    writes: tuple[Artifact, ...]
    run: Callable[[Files, Config], None]
    promised: tuple[Artifact, ...] = ()
    """What a later step will write; the task is told where, for its own files may name it."""

    @classmethod
    def of_stage(cls, stage: Stage) -> Task:
        later = (stage.expectations.writes,) if stage.expectations else ()
        return cls(stage.name, stage.about, stage.reads, stage.writes, stage.run, later)

    @classmethod
    def of_expectations(cls, expected: Expectations) -> Task:
        def run(files: Files, config: Config) -> None:
            from steps.validation import validate

            validate(expected.of(files, config), files[expected.writes])

        about = (expected.of.__doc__ or "").partition("\n")[0]
        return cls(expected.of.__name__, about, expected.reads, (expected.writes,), run)

    def written(self, given: dict[str, Any]) -> list[Path]:
        """Run it on what ZenML gives: paths by name of artifact, and the parameters."""
        config: Config = given["config"]
        if given["recommender"]:
            config = config.only(given["recommender"])
        files: Files = {artifact: given[artifact.name] for artifact in self.reads}
        workspace = Workspace()
        for artifact in (*self.writes, *self.promised):
            files[artifact] = workspace.place(next(artifact.each(config)))
        self.run(files, config)
        return [files[artifact] for artifact in self.writes]


def step_of(task: Task) -> Callable[..., Any]:
    """The step: an input for each artifact that the task reads, an output for each it writes.

    `config` is all of the parameters, an artifact as well. Whether an earlier result may be taken
    is asked of `shaped_by` instead, those of them that shape the outputs; of a stage for each
    recommender, `recommender` says which.
    """

    # ZenML tells one artifact from several by how `return` is written.
    def one(**given: Any) -> Any:
        return task.written(given)[0]

    def several(**given: Any) -> Any:
        first, *others = task.written(given)
        return first, *others

    function: Any = one if len(task.writes) == 1 else several
    inputs: dict[str, Any] = {artifact.name: Path for artifact in task.reads}
    inputs |= {"config": Config, "recommender": str, "shaped_by": dict[str, Any]}
    outputs = [Annotated[Path, artifact.name] for artifact in task.writes]
    returned = outputs[0] if len(outputs) == 1 else tuple[*outputs]  # type: ignore[valid-type]
    keyword = inspect.Parameter.KEYWORD_ONLY
    function.__signature__ = inspect.Signature(
        [inspect.Parameter(name, keyword, annotation=kind) for name, kind in inputs.items()],
        return_annotation=returned,
    )
    function.__annotations__ = {**inputs, "return": returned}
    function.__name__ = function.__qualname__ = task.name
    function.__doc__ = task.about
    return step(function, [artifact.name for artifact in task.writes])


for _stage in STAGES.values():
    globals()[_stage.name] = step_of(Task.of_stage(_stage))
    if _stage.expectations:
        _task = Task.of_expectations(_stage.expectations)
        globals()[_task.name] = step_of(_task)


def step_named(name: str) -> Callable[..., Any]:
    """The step of a stage, or of a function of expectations."""
    found: Callable[..., Any] = globals()[name]
    return found
