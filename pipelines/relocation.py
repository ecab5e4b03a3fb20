"""Run records that were moved: the absolute paths in the databases of MLflow and ZenML, mended.

Neither offers relative ones. ZenML keeps paths as text; MLflow as URIs, in which a space is `%20`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_file
from pipelines.tools import mlflow_internals, zenml_internals

COLUMNS = {
    "mlflow.db": mlflow_internals.PATH_COLUMNS,
    "zenml.db": zenml_internals.PATH_COLUMNS,
}
"""Of each database, the tables and columns that hold paths below its folder."""
EXPERIMENT, MLFLOW_FILES = "llm4idrec", "mlflow"
"""MLflow's experiment, and the folder beside the databases where it keeps files."""
_URI = "file://"


def relocate(folder: Path) -> Path | None:
    """Rewrite the paths of a state folder that was moved or copied; returns its old place.

    Raises `InputError` if a database cannot be mended; the next call tries again.
    """
    mark = folder / "location"
    marked = Path(os.fsdecode(mark.read_bytes())) if mark.is_file() else Path()
    try:
        old = _place(folder / "mlflow.db") or (marked if marked.is_absolute() else folder)
        if old != folder:
            _mend([folder / name for name in COLUMNS if (folder / name).is_file()], old, folder)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            raise  # a fault of the disk, or of the rights
        raise InputError(
            f"the paths of run records that were moved here cannot be rewritten ({error})",
            remedy="move the folder back, or set LLM4IDREC_STATE to another for new records",
            file=folder,
        ) from error
    if marked != folder:
        with replacing_file(mark) as partial:  # a half path would be taken for the old place
            partial.write_bytes(os.fsencode(folder))
    return old if old != folder else None


def moved(text: str, old: Path, new: Path) -> str:
    """A path or URI below `old` as it is below `new`; any other text as it is.

    >>> moved("file:///a%20b/x", Path("/a b"), Path("/c#d"))
    'file:///c%23d/x'
    """
    if not text.startswith(_URI):
        path = PurePosixPath(text)
        return str(new / path.relative_to(old)) if path.is_relative_to(old) else text
    for reading in _readings(text):
        if reading.is_relative_to(old):
            return (new / reading.relative_to(old)).as_uri()
    return text


def _readings(uri: str) -> Iterator[PurePosixPath]:
    """The path that a URI names, and the path itself where somebody has put it there as it is."""
    path = uri.removeprefix(_URI)
    yield PurePosixPath(unquote(path))
    yield PurePosixPath(path)


def _place(database: Path) -> Path | None:
    """The folder that MLflow's experiment was in when it was made or mended."""
    if not database.is_file():
        return None
    location = mlflow_internals.experiment_location(database, EXPERIMENT)
    if location is None or not location.startswith(_URI):
        return None
    return Path(next(_readings(location))).parent


def _mend(databases: list[Path], old: Path, new: Path) -> None:
    """All paths or none: what is half mended could not be told from what is not."""
    first, *others = databases
    with closing(sqlite3.connect(first)) as connection:
        for number, other in enumerate(others):
            connection.execute(f"ATTACH DATABASE ? AS other{number}", (str(other),))
        schemas = ["main", *(f"other{number}" for number in range(len(others)))]
        with connection:
            for database, schema in zip(databases, schemas, strict=True):
                for table, column in COLUMNS[database.name]:
                    _mend_column(connection, f"{schema}.{table}", column, old=old, new=new)


def _mend_column(
    connection: sqlite3.Connection, table: str, column: str, *, old: Path, new: Path
) -> None:
    """Rewrite each path below the folder `old` that stands in `column` of `table`, a name with its
    schema, as it is below `new`; `connection` is within a transaction.

    Row by row, for a path's new text may be the old one of another.
    """
    rows = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL")
    changes = [(there, row) for row, text in rows if (there := moved(text, old, new)) != text]
    connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changes)
