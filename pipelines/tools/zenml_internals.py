"""What is relied on of ZenML's insides: tables, a login's file, two functions that are replaced.

Written for ZenML 0.98.0. `tests/pipelines/tools/test_zenml_internals.py` holds it against what is
installed. Where it no longer fits, run records that were moved are refused, a login is not seen, or
each local stage takes seconds longer.

ZenML is imported by the functions, for this module is read before its environment stands.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pydantic import BaseModel
    from zenml.stack import Stack

PATH_COLUMNS = (
    ("artifact_version", "uri"),
    ("artifact_visualization", "uri"),
    ("logs", "uri"),
)
"""Tables and columns of its database that hold paths, as text."""
UNNAMEABLE = r"[?\\]"
"""What no folder of its database may have in its name: a URL's query begins at the first, and ZenML
takes the second for a slash."""
INFO = "/api/v1/info"
"""What every server answers without a login."""


def create_store() -> None:
    """Create the database that ZENML_STORE_URL names, with the default stack.

    There is no function for that: whatever first asks for something makes it on the way.
    """
    from zenml.client import Client

    Client().active_stack_model  # noqa: B018


def login_file() -> Path:
    """Where `zenml login` keeps its tokens; the file may not be there."""
    return Path(os.environ["ZENML_CONFIG_PATH"], "credentials.yaml")


def start_fast() -> None:
    """Skip two things that cost seconds a run and serve no local stack.

    ZenML imports every integration whose packages are installed, and runs `pip freeze` twice.
    """
    from zenml.environment import Environment
    from zenml.integrations.registry import integration_registry

    integration_registry.activate_integrations = lambda: None
    Environment.get_python_packages = staticmethod(installed_packages)


def installed_packages() -> list[str]:
    """The installed packages as `name==version`, read from the names of their metadata folders."""
    folders = Path(sysconfig.get_path("purelib")).glob("*-*.dist-info")
    return sorted(folder.stem.replace("-", "==", 1) for folder in folders)


def settings_class(key: str, stack: Stack) -> type[BaseModel]:
    """The model that ZenML reads the settings `key` of a run configuration into.

    Raises `KeyError` if the key is for a component that the stack lacks.
    """
    from zenml.config.settings_resolver import SettingsResolver
    from zenml.utils import settings_utils

    resolver = SettingsResolver(key, {})
    if settings_utils.is_general_setting_key(key):
        return cast("type[BaseModel]", resolver._resolve_general_settings_class())
    return cast("type[BaseModel]", resolver._resolve_stack_component_setting_class(stack))
