"""ZenML's stacks, seen from the driver: choosing one, and what must hold before a run on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.exceptions import StackValidationError
from zenml.integrations.registry import integration_registry
from zenml.stack import Flavor, Stack

from llm4idrec.errors import InputError

LOCAL = "default"


def use(name: str) -> None:
    """Make the stack the active one of this process.

    Raises:
        InputError: there is no such stack, or a package that it needs is not installed.
    """
    client = Client()
    try:
        model = client.get_stack(name, allow_name_prefix_match=False)
    except KeyError as error:
        known = ", ".join(stack.name for stack in client.list_stacks())
        remedy = "register it as stacks/README.md says"
        raise InputError(f"there is no stack {name!r}", f"one of {known}", remedy) from error
    if name != LOCAL:
        _check_packages(model)
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(model.id)


def check(*, scheduled: bool, settings: Path | None) -> None:
    """`InputError` if the active stack cannot run the flow; ZenML would build images first."""
    stack = Client().active_stack
    orchestrator = stack.orchestrator
    if scheduled and not orchestrator.config.is_schedulable:
        raise InputError(
            f"`schedule` is set, and the orchestrator of stack {stack.name!r}"
            f" ({orchestrator.flavor}) runs nothing on a schedule",
            "one that does, such as kubernetes",
            "choose it with --stack, or remove `schedule`",
            file=settings,
        )
    if stack.requires_remote_server and Client().zen_store.is_local_store():
        raise InputError(
            f"stack {stack.name!r} runs on other machines, and ZenML's records are a file on this",
            "a ZenML server that they reach",
            "set ZENML_STORE_URL and ZENML_STORE_API_KEY",
        )
    _validate(stack)


def follow_tracker() -> None:
    """Let MLflow's runs go where the active stack's MLflow tracker says, if it has one."""
    tracker = Client().active_stack.experiment_tracker
    if tracker and tracker.flavor == "mlflow":
        tracker.configure_mlflow()


def _validate(stack: Stack) -> None:
    try:
        stack.validate(fail_if_secrets_missing=True)
    except (StackValidationError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"stack {stack.name!r} is not ready ({reason})") from error


def _check_packages(model: Any) -> None:
    """Each component's code can be imported."""
    lacking = set()
    for component in (one for components in model.components.values() for one in components):
        try:
            Flavor.from_model(component.flavor).implementation_class  # noqa: B018
        except ImportError:
            lacking.add(component.flavor.integration)
    if lacking:
        packages = [
            f"'{requirement}'"
            for integration in sorted(lacking)
            for requirement in integration_registry.select_integration_requirements(integration)
        ]
        raise InputError(
            f"stack {model.name!r} needs packages that are not installed",
            remedy=f"pip install {' '.join(packages)}",
        )
