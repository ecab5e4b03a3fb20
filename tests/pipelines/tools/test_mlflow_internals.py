"""Whether MLflow, as installed, is as `pipelines/tools/mlflow_internals.py` takes it to be."""

from __future__ import annotations

import importlib.machinery
import inspect
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import click
import mlflow
import pytest
from mlflow import environment_variables
from mlflow.cli import cli
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils
from mlflow.utils import mlflow_tags, rest_utils

from pipelines import environment
from pipelines.relocation import EXPERIMENT
from pipelines.tools import mlflow_internals
from pipelines.tracking.stage_runs import experiment_id

HERE = f"MLflow {version('mlflow')} (see pipelines/tools/mlflow_internals.py)"


@pytest.fixture(scope="module")
def interface() -> str:
    """The code of the user interface, as MLflow serves it."""
    folder = Path(mlflow.__file__).parent / "server/js/build/static/js"
    return "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.js")))


def test_a_fresh_store_has_the_columns_of_paths(tmp_path: Path) -> None:
    """And the experiment's place is found where MLflow has put it."""
    environment.create_stores()
    database = environment.state() / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        for table, column in mlflow_internals.PATH_COLUMNS:
            found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert column in found, f"{HERE} has no column {table}.{column} in a fresh store"
    client = MlflowClient()
    place = client.get_experiment(experiment_id(client)).artifact_location
    read = mlflow_internals.experiment_location(database, EXPERIMENT)
    assert read == place, f"{HERE} keeps the experiment's place elsewhere than in its table"
    assert mlflow_internals.experiment_location(database, "another") is None
    sqlite3.connect(tmp_path / "empty.db").close()
    assert mlflow_internals.experiment_location(tmp_path / "empty.db", EXPERIMENT) is None


@pytest.mark.parametrize(
    ("function", "passed"),
    [
        (SqlAlchemyStore.__init__, ("self", "db_uri", "default_artifact_root")),
        (utils.get_default_host_creds, ("store_uri",)),
        (rest_utils.http_request, ("host_creds", "endpoint", "method")),
    ],
)
def test_functions_take_what_they_are_given(
    function: Callable[..., object], passed: tuple[str, ...]
) -> None:
    found = list(inspect.signature(function).parameters.values())
    named = tuple(parameter.name for parameter in found[: len(passed)])
    assert named == passed, f"{HERE}: {function.__qualname__} takes {named} first, not {passed}"
    more = [
        p.name for p in found[len(passed) :] if p.default is p.empty and p.kind != p.VAR_KEYWORD
    ]
    assert not more, f"{HERE}: {function.__qualname__} wants {more} as well"


def test_one_try_can_be_asked_for() -> None:
    found = inspect.signature(rest_utils.http_request).parameters
    missing = {"max_retries", "timeout", "raise_on_status", "kwargs"} - set(found)
    assert not missing, f"{HERE}: http_request has no {', '.join(sorted(missing))} any more"


def test_the_interface_is_served_by_a_command_with_these_options() -> None:
    command = cli.get_command(click.Context(cli), "ui")
    assert command is not None, f"{HERE} has no command `mlflow ui`"
    known = {name: option for option in command.params for name in option.opts}
    wanted = [word for word in mlflow_internals.interface_command("h", 1) if word.startswith("--")]
    missing = sorted(set(wanted) - set(known))
    assert not missing, f"{HERE}: `mlflow ui` has no {', '.join(missing)} any more"
    variable = known["--backend-store-uri"].envvar
    assert variable == mlflow_internals.BACKEND, f"{HERE} reads {variable} for the store"
    assert hasattr(environment_variables, mlflow_internals.JOBS), (
        f"{HERE} starts its jobs otherwise"
    )


def test_alembic_still_reads_percent_in_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it need not be refused."""
    try:
        _get_alembic_config("sqlite:///x", "/a%b/migrations")
    except ValueError as error:
        said = str(error)
    else:
        said = f"{HERE} can be installed below a '%' now; misplaced_package is no longer needed"
    assert "interpolation" in said
    assert mlflow_internals.misplaced_package() is None
    spec = importlib.machinery.ModuleSpec("mlflow", None, origin="/a%b/mlflow/__init__.py")
    monkeypatch.setattr(mlflow_internals, "find_spec", lambda _: spec)
    assert mlflow_internals.misplaced_package() == Path("/a%b/mlflow")


def test_tags_are_those_that_mlflow_knows(interface: str) -> None:
    for own, its in {
        mlflow_internals.PARENT: mlflow_tags.MLFLOW_PARENT_RUN_ID,
        mlflow_internals.NOTE: mlflow_tags.MLFLOW_RUN_NOTE,
        mlflow_internals.SOURCE: mlflow_tags.MLFLOW_SOURCE_NAME,
    }.items():
        assert own == its, f"{HERE}: the tag is {its}, not {own}"
    for tag in (mlflow_internals.VIEW, mlflow_internals.COLOR, mlflow_internals.NOTE):
        assert f'"{tag}"' in interface, f"{HERE}: the user interface does not read the tag {tag}"


def test_the_interface_knows_every_word_of_a_view(interface: str) -> None:
    address = mlflow_internals.view_address("1", "k", charts=True)
    options = dict(option.split("=") for option in address.partition("?")[2].split("&"))
    charts = {"validation/ndcg": "LINE", "test/ndcg": "BAR"}
    states = (
        mlflow_internals.table_state("", [], "", widths={}),
        mlflow_internals.charts_state("", charts),
        json.loads(mlflow_internals.saved_view("v", {})),
    )
    words = {*options, "CHART", "TABLE", options["workflowType"], "FIRST_20_RUNS", *charts.values()}
    words |= {key for state in states for key in _keys(state)}
    unknown = sorted(word for word in words if word not in interface)
    assert not unknown, f"{HERE}: the user interface does not know {', '.join(unknown)} of a view"
    assert "Run Name" in interface
    assert mlflow_internals.view_name(mlflow_internals.saved_view("v", {})) == "v"


def _keys(state: object) -> Iterator[str]:
    """Of a state and of what lies in it."""
    if isinstance(state, Mapping):
        yield from state
    for part in state.values() if isinstance(state, Mapping) else ():
        for one in part if isinstance(part, list) else [part]:
            yield from _keys(one)
