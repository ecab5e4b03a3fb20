"""ZenML, seen from the driver: a pipeline for each stage, and one of the whole flow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from zenml import pipeline, save_artifact
from zenml.client import Client
from zenml.config import DockerSettings
from zenml.enums import ExecutionMode

from llm4idrec.artifacts import SOURCE, Artifact, Files
from llm4idrec.config import Config
from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.runtime.files import content_hash
from llm4idrec.runtime.project import CODE
from llm4idrec.stages import FLOW
from llm4idrec.stages.stage import Stage
from pipelines.environment import REPO, variables
from pipelines.git import code_version, git_tags
from pipelines.orchestration import run_settings, stack
from pipelines.orchestration.wiring import CONFIG, Wired, wire
from pipelines.tools.zenml_internals import start_fast
from steps.fetch_interactions import check as check_address
from steps.fetch_interactions import fetch_interactions
from steps.materializer import PathMaterializer, referenced
from steps.workspace import IN_PLACE

NAME = "all"  # of the whole flow
RAISING = ExecutionMode.FAIL_FAST  # the only mode that raises what a step raised
TELEMETRY = ("ZENML_ANALYTICS_OPT_IN", "DO_NOT_TRACK", "GX_ANALYTICS_ENABLED")


class UnfinishedRunError(LLM4IDRecError):
    """A run of the whole flow that did not complete, so that it has no files to hand over."""


@dataclass(frozen=True)
class Done:
    """A completed run of the whole flow: ZenML's ID, `params.yaml` as it was, the same with the
    tuned filter, files by name."""

    run_id: str
    version: Config
    config: Config
    files: Files


def image() -> DockerSettings:
    """What a step runs in on other machines; `--settings` is laid over it, key by key.

    Its versions are those of the lock file, whose hashes are not for every build of torch.
    """
    quiet = {name: value for name, value in variables().items() if name in TELEMETRY}
    return DockerSettings(
        requirements=str(REPO / "requirements.lock"),
        environment={**quiet, run_settings.BACKEND: "cpu", "UV_NO_VERIFY_HASHES": "true"},
    )


def run_stage(stage: Stage, config: Config, inputs: Files) -> str:
    """Run one stage on this machine, writing in place, uncached (DVC caches); ZenML's run ID."""
    os.environ[IN_PLACE] = "1"
    os.environ[CODE] = code_version()
    start_fast()
    stack.use(stack.LOCAL)
    files: Wired = {artifact: _recorded(artifact, path) for artifact, path in inputs.items()}
    files[CONFIG] = save_artifact(config, CONFIG.name)

    def steps() -> None:
        wire(stage, config, files)

    settings = {"enable_cache": False, "enable_step_logs": False, "execution_mode": RAISING}
    return str(pipeline(steps, name=stage.name, **settings)().id)


def run_all(
    version: Config, source: Path | str, *, stack_name: str, settings: Path | None
) -> Done | None:
    """Run the whole flow on a stack, cached by content; None if it is left to run by itself.

    `source` is a file of this machine or, as a string, an address that the run fetches.
    """
    if stack_name == stack.LOCAL:
        os.environ[CODE] = code_version()
        start_fast()
    stack.use(stack_name)
    options = run_settings.read(settings) if settings else None
    scheduled = bool(options and options.schedule)
    stack.check(scheduled=scheduled, settings=settings)
    if scheduled and isinstance(source, Path):
        raise InputError(
            "`schedule` is set, and each run would find the same data",
            "an address that the runs can read",
            "give it with --source",
            file=settings,
        )
    if isinstance(source, str) and "://" in source:  # a path may be there for the run only
        check_address(source)
    files: Wired = {}
    config = version.with_tuned_filter()
    flow = whole(config, source, files, extra=origin(version, config))
    if settings and options:
        flow = flow.with_options(config_path=str(settings))
        flow.prepare()
        active = Client().active_stack
        steps = list(flow.invocations)
        run_settings.check(options, settings, image=image(), steps=steps, stack=active)
    run = flow()
    if run is None or not (run := Client().get_pipeline_run(run.id)).status.is_finished:
        return None
    return _done(run, files, version=version, config=config)


def whole(config: Config, source: Any, files: Wired, *, extra: dict[str, Any] | None = None) -> Any:
    """The whole flow as a ZenML pipeline; `files` gets its artifacts by name when it is prepared.

    `source` is a file, an address, or what ZenML has recorded of either.
    """
    given = _recorded(SOURCE, source) if isinstance(source, Path) else source
    parameters = save_artifact(config, CONFIG.name)

    def flow() -> None:
        files.clear()  # of an earlier preparation
        # Fetched at every run; where that brings nothing new, the rest is cached by content.
        fetch = cast(Any, fetch_interactions).with_options(enable_cache=False)
        files[SOURCE] = fetch(given) if isinstance(given, str) else given
        files[CONFIG] = parameters
        for stage in FLOW:
            wire(stage, config, files)

    return pipeline(
        flow,
        name=NAME,
        settings={"docker": image()},
        extra=extra,
        execution_mode=RAISING,
    )


def origin(version: Config, config: Config) -> dict[str, Any]:
    """What a run notes, for a later process to tell what it went by."""
    dumped = {"version": version, "config": config}
    return {key: value.model_dump(mode="json") for key, value in dumped.items()} | git_tags()


def finished(name: str, stack_name: str) -> Done:
    """A run of the whole flow that has completed by itself, by ZenML's name or ID.

    Raises:
        InputError: there is no such run, it is of another pipeline, or of other code than this.
        UnfinishedRunError: it did not complete, or not yet.
    """
    stack.use(stack_name)
    try:
        run = Client().get_pipeline_run(name)
    except KeyError as error:
        remedy = "`zenml pipeline runs list` shows them"
        raise InputError(f"there is no ZenML run {name!r}", remedy=remedy) from error
    noted, commit = run.config.extra, git_tags()["git.commit"]
    if "version" not in noted:
        raise InputError(f"ZenML run {name!r} is not one of the whole flow")
    if noted["git.commit"] != commit:
        found = f"ZenML run {name!r} is of commit {noted['git.commit']}, and this is {commit}"
        raise InputError(found, remedy="check that commit out")
    version, config = Config.parse(noted["version"]), Config.parse(noted["config"])
    files: Wired = {}
    (recorded,) = run.steps["prepare"].inputs[SOURCE.name]
    whole(config, recorded, files).prepare()
    return _done(run, files, version=version, config=config)


def _done(run: Any, files: Wired, *, version: Config, config: Config) -> Done:
    if not run.status.is_successful:
        raise UnfinishedRunError(f"ZenML run {run.name!r} is not complete: {run.status.value}")
    loaded = {a: _loaded(run, file) for a, file in files.items() if a != CONFIG}
    stack.follow_tracker()
    return Done(str(run.id), version, config, loaded)


def _recorded(artifact: Artifact, path: Path) -> Path:
    """ZenML's artifact for a path, so that its lineage reaches back to the run that wrote it."""
    name = artifact.name
    content, store = content_hash(path), Client().active_stack.artifact_store.id
    for version in Client().list_artifact_versions(
        name=name, artifact_store_id=store, sort_by="desc:created", size=20
    ):
        # The same bytes may lie somewhere else now.
        if version.content_hash == content and referenced(version.uri) in (None, path):
            return cast(Path, version)
    return cast(Path, save_artifact(path, name, materializer=PathMaterializer))


def _loaded(run: Any, file: Any) -> Path:
    """The files behind a step's output, or behind an artifact that was there before the run."""
    if hasattr(file, "invocation_id"):
        file = run.steps[file.invocation_id].outputs[file.output_name][0]
    return cast(Path, file.load())
