"""ZenML, seen from the driver: pipelines made of the stages' wirings."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Any, cast

from zenml import pipeline, save_artifact
from zenml.client import Client
from zenml.config import DockerSettings
from zenml.enums import ExecutionMode
from zenml.environment import Environment
from zenml.integrations.registry import integration_registry

from llm4idrec.config import Config
from llm4idrec.files import content_hash
from pipelines.stages import SOURCE, Files
from pipelines.wiring import WIRINGS
from steps.materializer import PathMaterializer
from steps.workspace import IN_PLACE

LOCAL_STACK = "default"
RAISING = ExecutionMode.FAIL_FAST  # the only mode that raises what a step raised


def run_stage(name: str, config: Config, inputs: Files) -> str:
    """Run one stage on this machine, writing in place, uncached (DVC caches); ZenML's run ID."""
    os.environ[IN_PLACE] = "1"
    _start_fast()
    _use_stack(LOCAL_STACK)
    files = {key: _recorded(key, path) for key, path in inputs.items()}

    def stage() -> None:
        WIRINGS[name](config, files)

    settings = {"enable_cache": False, "enable_step_logs": False, "execution_mode": RAISING}
    return str(pipeline(stage, name=name, **settings)().id)


def run_all(config: Config, source: Path, stack: str) -> tuple[str, Files]:
    """Run the whole flow on a stack, cached by content; ZenML's run ID and the files by name."""
    if stack == LOCAL_STACK:
        _start_fast()
    _use_stack(stack)
    files = {SOURCE: _recorded(SOURCE, source)}

    def whole() -> None:
        for wiring in WIRINGS.values():
            files.update(wiring(config, files))

    docker = DockerSettings(requirements="requirements.lock")
    flow = pipeline(whole, name="all", settings={"docker": docker}, execution_mode=RAISING)
    run = Client().get_pipeline_run(flow().id)
    return str(run.id), {key: _loaded(run, file) for key, file in files.items()}


def _recorded(key: str, path: Path) -> Path:
    """ZenML's artifact for a path, so that its lineage reaches back to the run that wrote it."""
    name = "source" if key == SOURCE else Path(key).parts[1]
    content, store = content_hash(path), Client().active_stack.artifact_store.id
    for version in Client().list_artifact_versions(
        name=name, artifact_store_id=store, sort_by="desc:created", size=20
    ):
        if version.content_hash == content:
            return cast(Path, version)
    return cast(Path, save_artifact(path, name, materializer=PathMaterializer))


def _loaded(run: Any, file: Any) -> Path:
    """The files behind a step's output, or behind an artifact that was there before the run."""
    if hasattr(file, "invocation_id"):
        file = run.steps[file.invocation_id].outputs[file.output_name][0]
    return cast(Path, file.load())


def _use_stack(name: str) -> None:
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(Client().get_stack(name).id)


def _start_fast() -> None:
    """Skip two things that cost seconds a run and serve no local stack (ZenML 0.98).

    It imports every integration whose packages are installed, and runs `pip freeze` twice.
    """
    integration_registry.activate_integrations = lambda: None
    Environment.get_python_packages = staticmethod(_installed)


def _installed() -> list[str]:
    """The installed packages as `name==version`, read from the names of their metadata folders."""
    folders = Path(sysconfig.get_path("purelib")).glob("*-*.dist-info")
    return sorted(folder.stem.replace("-", "==", 1) for folder in folders)
