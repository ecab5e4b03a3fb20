"""The steps of the stages, one after the other: what a ZenML pipeline is made of."""

from __future__ import annotations

from typing import Any, cast

from llm4idrec.artifacts import (
    EVALUATION,
    EVALUATIONS,
    FIGURES,
    LEDGER,
    LEDGERS,
    SOURCES_LEDGER,
    Artifact,
)
from llm4idrec.config import Config
from llm4idrec.runtime.project import CODE
from llm4idrec.stages import STAGES
from llm4idrec.stages.stage import Stage
from pipelines.git import code_version
from steps.gather import gather
from steps.stages import step_named

CONFIG = Artifact("config", "params.yaml")
"""All of the parameters, the tuned filter among them."""
GATHERED = {EVALUATIONS: (EVALUATION,), LEDGERS: (LEDGER, SOURCES_LEDGER)}
"""Folders, and what they hold, perhaps one for each recommender."""
Wired = dict[Artifact, Any]
"""What there is of each artifact when a pipeline is made: the output of a step that will write it,
or what ZenML has recorded of it."""
_VALIDATIONS = [stage.expectations.writes for stage in STAGES.values() if stage.expectations]


def wire(stage: Stage, config: Config, files: Wired) -> None:
    """Call the stage's steps; `files` gets what they will write."""
    for folder, held in GATHERED.items():
        if folder in stage.reads and folder not in files:
            parts = [files[artifact] for part in held for artifact in part.each(config)]
            files[folder] = cast(Any, gather)(parts, id=f"gather_{folder.name}")
    for each in stage.configs(config):
        _call(stage, each, files)
        _check(stage, each, files)


def _call(stage: Stage, config: Config, files: Wired) -> None:
    """One run of it, for the only recommender of `config` if it is run for each."""
    recommender = config.recommenders[0] if stage.each else ""
    step = step_named(stage.name)
    if FIGURES in stage.writes:  # which show the version; another one is no earlier result
        step = cast(Any, step).with_options(environment={CODE: code_version()})
    given = {a.name: files[next(a.each(config))] for a in (*stage.reads, CONFIG)}
    written = step(
        **given,
        recommender=recommender,
        shaped_by=stage.shaped_by(config),
        id=f"{stage.name}_{recommender}" if recommender else stage.name,
        after=[files[artifact] for artifact in _VALIDATIONS if artifact in files],
    )
    outputs = written if isinstance(written, tuple | list) else [written]
    for artifact, output in zip(stage.writes, outputs, strict=True):
        files[next(artifact.each(config))] = output


def _check(stage: Stage, config: Config, files: Wired) -> None:
    """The step for what must hold of the files of one run of a stage, if anything must."""
    if not (expected := stage.expectations):
        return
    recommender, name = config.recommenders[0] if stage.each else "", expected.of.__name__
    given = {a.name: files[next(a.each(config))] for a in (*expected.reads, CONFIG)}
    files[next(expected.writes.each(config))] = step_named(name)(
        **given,
        recommender=recommender,
        shaped_by=stage.shaped_by(config),
        id=f"{name}_{recommender}" if recommender else name,
    )
