"""Whether ZenML, as it is installed, is as `pipelines/tools/zenml_internals.py` takes it to be."""

from __future__ import annotations

import importlib.util
import inspect
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import zenml.environment
from zenml import constants
from zenml.client import Client
from zenml.config import DockerSettings, ResourceSettings
from zenml.config.settings_resolver import SettingsResolver
from zenml.integrations.registry import IntegrationRegistry, integration_registry
from zenml.login.credentials_store import CredentialsStore
from zenml.pipelines import pipeline_definition
from zenml.zen_stores.sql_zen_store import SqlZenStoreConfiguration

from pipelines import environment
from pipelines.tools import zenml_internals

HERE = f"ZenML {version('zenml')} (see pipelines/tools/zenml_internals.py)"


def test_a_fresh_store_has_the_columns_of_paths() -> None:
    environment.create_stores()
    with closing(sqlite3.connect(environment.state() / "zenml.db")) as connection:
        for table, column in zenml_internals.PATH_COLUMNS:
            found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert column in found, f"{HERE} has no column {table}.{column} in a fresh store"


def test_a_question_mark_still_ends_the_path_of_a_store(tmp_path: Path) -> None:
    """Else it need not be refused."""
    url = f"sqlite:///{tmp_path}/a?b/zenml.db"
    found = SqlZenStoreConfiguration(url=url).database
    said = f"{HERE} takes a question mark in a path now; UNNAMEABLE need not have it"
    assert found == f"{tmp_path}/a", said


def test_what_is_replaced_is_there_takes_nothing_and_is_what_zenml_calls() -> None:
    activate = inspect.signature(IntegrationRegistry.activate_integrations)
    assert list(activate.parameters) == ["self"], f"{HERE}: activate_integrations{activate}"
    packages = _fresh(zenml.environment).Environment.__dict__["get_python_packages"]
    assert isinstance(packages, staticmethod), f"{HERE}: get_python_packages is not static"
    assert not inspect.signature(packages).parameters, f"{HERE}: get_python_packages takes more"
    for module, call in (
        (pipeline_definition, "integration_registry.activate_integrations()"),
        (zenml.environment, "Environment.get_python_packages()"),
    ):
        said = f"{HERE}: {module.__name__} does not call {call}, so replacing it saves nothing"
        assert call in inspect.getsource(module), said


def _fresh(module: ModuleType) -> Any:
    """As it is before another test's run has replaced a part of it."""
    spec = importlib.util.spec_from_file_location("fresh", str(module.__file__))
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh


def test_a_fast_start_notes_the_names_of_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    # Undone at the end of the test, as `start_fast` does not.
    for owner, name in (
        (integration_registry, "activate_integrations"),
        (zenml.environment.Environment, "get_python_packages"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    zenml_internals.start_fast()
    noted = zenml.environment.get_run_environment_dict()["python_packages"]
    said = f"{HERE} does not note of a run what stands in for get_python_packages"
    assert noted == "\n".join(zenml_internals.installed_packages()), said
    assert f"zenml=={version('zenml')}" in noted.split("\n")


def test_the_resolver_finds_the_models_of_settings() -> None:
    for name, parameters in {
        "__init__": ["self", "key", "settings"],
        "_resolve_general_settings_class": ["self"],
        "_resolve_stack_component_setting_class": ["self", "stack"],
    }.items():
        function = getattr(SettingsResolver, name, None)
        assert function is not None, f"{HERE}: SettingsResolver has no {name}"
        found = list(inspect.signature(function).parameters)
        assert found == parameters, f"{HERE}: SettingsResolver.{name} takes {found}"
    environment.create_stores()
    stack = Client().active_stack
    for key, kind in {"docker": DockerSettings, "resources": ResourceSettings}.items():
        assert zenml_internals.settings_class(key, stack) is kind
    with pytest.raises(KeyError):
        zenml_internals.settings_class("orchestrator.kubernetes", stack)


def test_a_login_is_kept_where_it_is_looked_for() -> None:
    found = CredentialsStore()._credentials_file
    expected = str(zenml_internals.login_file())
    assert found == expected, f"{HERE} keeps a login in {found}, not {expected}"


def test_servers_tell_their_version_at_the_address_that_is_asked() -> None:
    found = constants.API + constants.VERSION_1 + constants.INFO
    assert found == zenml_internals.INFO, f"{HERE}: servers answer at {found}"
