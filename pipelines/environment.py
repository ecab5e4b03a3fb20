"""The environment of ZenML and MLflow, which must stand before the first import of either.

`python -m pipelines.environment` prints it as shell exports, for the `zenml` and `mlflow` commands.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from llm4idrec.files import locked, replacing_file

REPO = Path(__file__).resolve().parents[1]

# Columns that hold absolute paths. ZenML and MLflow offer no relative ones.
PATH_COLUMNS = {
    "mlflow.db": (
        ("experiments", "artifact_location"),
        ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"),
        ("model_versions", "source"),
        ("model_versions", "storage_location"),
    ),
    "zenml.db": (
        ("artifact_version", "uri"),
        ("artifact_visualization", "uri"),
        ("logs", "uri"),
    ),
}


def state() -> Path:
    """The folder of all run records: `.state` in the repository, ignored by git and DVC.

    `dvc exp run --queue` works in a copy under `.dvc/tmp/exps`; its records belong to the original.
    """
    home = Path(str(REPO).partition("/.dvc/tmp/exps/")[0])
    return Path(os.environ.get("LLM4IDREC_STATE", home / ".state"))


def variables() -> dict[str, str]:
    """Names and values; a variable that is set already keeps its value."""
    folder = state()
    served = os.environ.get("ZENML_STORE_URL", "").startswith("http")
    return {
        "LLM4IDREC_STATE": str(folder),
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_STORE_TYPE": "rest" if served else "sql",
        "ZENML_STORE_URL": f"sqlite:///{folder / 'zenml.db'}",
        "ZENML_CUSTOM_SOURCE_ROOT": str(REPO),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "AUTO_OPEN_DASHBOARD": "false",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # which may hold a password
        "DO_NOT_TRACK": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "DVC_NO_ANALYTICS": "true",
    }


def prepare(*, debug: bool = False) -> None:
    """Set the variables, make the state folder and mend it if it was moved here."""
    folder = state()
    # Its owner's only: ZenML keeps the key of a server here.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, value in variables().items():
        os.environ.setdefault(name, value)
    # ZenML logs a step's exception with its traceback; the driver shows the sentence itself.
    os.environ["ZENML_LOGGING_VERBOSITY"] = "WARN" if debug else "CRITICAL"
    with locked(folder / ".lock"):
        old = relocate(folder)
    if old:
        print(
            f"{folder}: moved here from {old}; its absolute paths were rewritten", file=sys.stderr
        )


def create_stores() -> None:
    """Create the databases of ZenML and MLflow if they are not there, one process at a time.

    Those that a killed process was creating are made anew: neither tool goes on with a half one.
    """
    folder = state()
    creating = folder / "creating"
    if all((folder / name).is_file() for name in PATH_COLUMNS) and not creating.is_file():
        return
    with locked(folder / ".lock"):
        if creating.is_file():
            for name in creating.read_text().split():
                (folder / name).unlink(missing_ok=True)
        missing = [name for name in PATH_COLUMNS if not (folder / name).is_file()]
        if not missing:  # another process was faster
            return
        print(f"{folder}: creating the run records", flush=True)
        creating.write_text(" ".join(missing))
        from mlflow.tracking import MlflowClient
        from zenml.client import Client

        MlflowClient().search_experiments()
        Client().active_stack_model  # noqa: B018
        creating.unlink()


def lock_of(label: str) -> Path:
    """The lock file of a stage in this working directory: experiments that DVC runs side by side
    share the state folder, but not that."""
    folder = state() / "locks"
    folder.mkdir(exist_ok=True)
    return folder / f"{label} {sha256(str(Path.cwd()).encode()).hexdigest()[:12]}"


def relocate(folder: Path) -> str | None:
    """Rewrite the paths of a state folder that was moved or copied; returns its old place."""
    mark = folder / "location"
    old = (mark.read_text() if mark.is_file() else "") or str(folder)
    if old != str(folder):
        for database, columns in PATH_COLUMNS.items():
            if (folder / database).is_file():
                with closing(sqlite3.connect(folder / database)) as connection, connection:
                    for table, column in columns:
                        _replace_prefix(connection, table, column, old, str(folder))
    if not mark.is_file() or old != str(folder):
        with replacing_file(mark) as partial:  # a half path would be taken for the old place
            partial.write_text(str(folder))
    return old if old != str(folder) else None


def _replace_prefix(
    connection: sqlite3.Connection, table: str, column: str, old: str, new: str
) -> None:
    """`/old/x` and `file:///old/x` become `/new/x` and `file:///new/x`."""
    for prefix in ("", "file://"):
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
            f" WHERE substr({column}, 1, ?) = ?",
            (prefix + new, len(prefix + old) + 1, len(prefix + old) + 1, prefix + old + "/"),
        )


if __name__ == "__main__":
    for name, value in variables().items():
        print(f"export {name}={shlex.quote(os.environ.get(name, value))}")
