"""The file of `all --settings`: ZenML's run configuration, checked before anything runs.

ZenML itself passes over keys and steps that it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from zenml.config import DockerSettings
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.config.schedule import Schedule
from zenml.config.step_configurations import StepConfigurationUpdate
from zenml.stack import Stack
from zenml.utils import settings_utils
from zenml.utils.dict_utils import remove_none_values
from zenml.utils.pydantic_utils import update_model

from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from pipelines.tools.zenml_internals import settings_class

BACKEND = "UV_TORCH_BACKEND"  # which build of torch the image gets: cpu, cu130...


def read(path: Path) -> PipelineRunConfiguration:
    """The run configuration; `InputError` names the file and the key."""
    values = remove_none_values(read_yaml(path))
    _known(Schedule, values.get("schedule"), where="schedule.", path=path)
    steps = values.get("steps")
    for name, step in steps.items() if isinstance(steps, dict) else ():
        _known(StepConfigurationUpdate, step, where=f"steps.{name}.", path=path)
    return cast(
        PipelineRunConfiguration, _valid(PipelineRunConfiguration, values, where="", path=path)
    )


def check(
    config: PipelineRunConfiguration,
    path: Path,
    *,
    image: DockerSettings,
    steps: Collection[str],
    stack: Stack,
) -> None:
    """`InputError` if a step or a setting is unknown, or a GPU would meet a CPU build of torch.

    `image` is what the settings are laid over; `steps` are the steps that there are.
    """
    for name in config.steps or {}:
        if name not in steps:
            raise InputError(
                f"`steps.{name}`: no such step", f"one of {', '.join(steps)}", file=path
            )
    general = _resolved(config.settings, where="settings.", path=path, stack=stack)
    image = update_model(image, general.get("docker") or {})
    for name in steps:
        step = (config.steps or {}).get(name)
        where = f"steps.{name}.settings."
        own = _resolved(step.settings if step else None, where=where, path=path, stack=stack)
        resources = own.get("resources") or general.get("resources")
        if resources and getattr(resources, "gpu_count", None):
            _check_torch(update_model(image, own.get("docker") or {}), name, path)


def _resolved(
    settings: Mapping[str, Any] | None, *, where: str, path: Path, stack: Stack
) -> dict[str, BaseModel]:
    """The settings of one level, each as what it is for; of a component that the stack lacks, none.

    A file may hold settings for the components of several stacks.
    """
    return {
        key: value
        for key, raw in (settings or {}).items()
        for value in _resolve(key, raw, where=f"{where}{key}", path=path, stack=stack)
    }


def _resolve(key: str, raw: Any, *, where: str, path: Path, stack: Stack) -> Iterator[BaseModel]:
    if not settings_utils.is_valid_setting_key(key):
        known = ", ".join(settings_utils.get_general_settings())
        raise InputError(
            f"unknown key `{where}`", f"{known}, or a component such as orchestrator", file=path
        )
    try:
        kind = settings_class(key, stack)
    except KeyError:
        return
    yield _valid(kind, dict(raw), where=f"{where}.", path=path)


def _valid(kind: type[Any], values: dict[str, Any], *, where: str, path: Path) -> Any:
    _known(kind, values, where=where, path=path)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        key = where + ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ").rstrip(".")
        raise InputError(f"`{key.rstrip('.')}`: {message}", file=path) from error
    except (TypeError, ValueError) as error:  # what ZenML's own validators let through
        raise InputError(f"a value that ZenML cannot take ({error})", file=path) from error


def _known(kind: type[BaseModel], values: Any, *, where: str, path: Path) -> None:
    """Refuse keys that the model would pass over; what is no mapping its validation refuses."""
    for key in values if isinstance(values, Mapping) else ():
        if key not in kind.model_fields:
            expected = ", ".join(sorted(kind.model_fields))
            raise InputError(f"unknown key `{where}{key}`", f"one of {expected}", file=path)


def _check_torch(image: DockerSettings, step: str, path: Path) -> None:
    own = image.parent_image or image.dockerfile
    if not own and image.environment.get(BACKEND) == "cpu":
        raise InputError(
            f"`steps.{step}` has a GPU, and its image gets torch's CPU build",
            f"a CUDA build in `settings.docker.environment.{BACKEND}`, such as cu130",
            "or a `parent_image` that has one",
            file=path,
        )
