"""What is relied on of MLflow's insides: tables, a client's call, tags, its user interface.

Written for MLflow 3.17.2. `tests/pipelines/tools/test_mlflow_internals.py` holds it against what is
installed. Where it no longer fits, run records that were moved are refused, the store cannot be
created, or the user interface does not start, or its ready views show other columns and no charts.

MLflow is imported by the functions, for this module is read before its environment stands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from requests import Response

PATH_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of its database that hold paths, as URIs."""
UNNAMEABLE = "%[0-9A-Fa-f]{2}"
"""What no folder of its files may have in its name, for MLflow decodes it once too often."""
PARENT, NOTE = "mlflow.parentRunId", "mlflow.note.content"
SOURCE, COLOR = "mlflow.source.name", "mlflow.runColor"
"""Tags that the user interface reads: the run around this one, description, origin, its color."""
VIEW = "mlflow.sharedViewState."
"""How the tags of an experiment begin that hold its saved views; the rest is the view's key."""
NAME = "attributes.`Run Name`"
"""The column of a table that every run has."""
BACKEND = "MLFLOW_BACKEND_STORE_URI"
"""The variable that tells the server of the user interface whose runs it shows."""
JOBS = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
"""The variable without which that server starts seven processes for jobs that nobody here has, of
240 MB each."""
NEWEST = "tags.`mlflow.user`"
"""No run has it, and of equal ones the newest is first; sorted by the start itself, the UI would
hide nested runs in their parents."""
_LINE: dict[str, Any] = {
    "selectedMetricKeys": None,
    "lineSmoothness": 0,
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "xAxisKey": "step",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}


def misplaced_package() -> Path | None:
    """MLflow's own folder, if it cannot be there: Alembic, which makes the database, reads '%' in
    the path of its scripts as the beginning of a setting."""
    package = find_spec("mlflow")
    if package and package.origin and "%" in package.origin:
        return Path(package.origin).parent
    return None


def create_store(address: str, files: Path) -> None:
    """Create the database at `address`, whose default experiment keeps its files below `files`.

    MLflow's client would give that experiment a place in the working directory.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(address, files.as_uri())


def experiment_location(database: Path, experiment: str) -> str | None:
    """The URI of the experiment's files; None if there are no such experiment or tables."""
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("PRAGMA table_info(experiments)").fetchall():
            return None
        locations = "SELECT artifact_location FROM experiments WHERE name = ?"
        found = connection.execute(locations, (experiment,)).fetchone()
    return found[0] if found else None


def ask_for_experiment(address: str, experiment: str, timeout: float) -> Response:
    """The server's answer, whatever it be, with the user's credentials, after one try.

    MLflow's client would try for minutes. `timeout` is in seconds; raises what `requests` does.
    """
    from mlflow.tracking._tracking_service.utils import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    answer: Response = http_request(
        get_default_host_creds(address),
        "/api/2.0/mlflow/experiments/get-by-name",
        "GET",
        max_retries=0,
        timeout=timeout,
        raise_on_status=False,
        params={"experiment_name": experiment},
    )
    return answer


def interface_command(host: str, port: int) -> list[str]:
    """The arguments to Python that serve the user interface, with the one worker that one reader
    needs; the worker is a process of its own."""
    return ["-m", "mlflow", "ui", "--host", host, "--port", str(port), "--workers", "1"]


def view_address(experiment_id: str, key: str, *, charts: bool) -> str:
    """Of a view, below the server's own address. Its workflow keeps MLflow from opening its pages
    for traces of language models."""
    mode = "CHART" if charts else "TABLE"
    query = f"workflowType=machine_learning&compareRunsMode={mode}&viewStateShareKey={key}"
    return f"#/experiments/{experiment_id}/runs?{query}"


def saved_view(name: str, state: Mapping[str, Any]) -> str:
    """As MLflow keeps a saved view; with a time that stays, for the tag to stay as it is."""
    return json.dumps({"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


def view_name(saved: str) -> str:
    """The name of a view that was saved."""
    return str(json.loads(saved)["name"])


def table_state(
    runs: str, columns: Sequence[str], order: str, *, widths: Mapping[str, int]
) -> dict[str, Any]:
    """A table of the runs that meet the filter `runs`, those with the largest `order` first.

    `columns` are keys such as "metrics.`test/ndcg`", and `widths` theirs and that of `NAME`, in
    pixels.
    """
    return {
        "searchFilter": runs,
        "orderByKey": order,
        "orderByAsc": False,
        "selectedColumns": [*columns],
        "columnOrder": [NAME, *columns],
        "columnWidths": dict(widths),
        "runsHiddenMode": "FIRST_20_RUNS",
    }


def charts_state(runs: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """Charts of the runs that meet the filter `runs`: of each metric in `kinds` a LINE or a BAR."""
    section = {"uuid": "first", "name": "Compared", "display": True, "isReordered": True}
    charts = [
        {
            "uuid": key,
            "type": kind,
            "metricKey": key,
            "metricSectionId": section["uuid"],
            "displayName": key,
            "runsCountToCompare": 20,
            "deleted": False,
            "isGenerated": False,
            **(_LINE if kind == "LINE" else {}),
        }
        for key, kind in kinds.items()
    ]
    return {
        "searchFilter": runs,
        "orderByKey": NEWEST,
        "orderByAsc": False,
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": charts,
        "compareRunSections": [section],
        "isAccordionReordered": True,
    }
