"""Run records whose folder was moved, between names that are hard on paths, URIs and queries."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from pipelines import environment, run
from pipelines.relocation import COLUMNS, EXPERIMENT, MLFLOW_FILES, moved, relocate
from tests.pipelines.conftest import Workshop

NASTY = [
    "plain",
    "a b",
    "[x]",
    "(100%)",
    "a%2 0b",
    "c#d",
    "e&f+g",
    "it's",
    'q"q',
    "ä",
    "a\u0308",
    "🎬",
    "end ",
    "-rf",
    "file:",
    "$HOME`x`",
    "*;=,@~!{}|<>^",
    "two\nlines",
    "%",
]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with an artifact of a run and a registered version, in a folder `a b`."""
    folder = tmp_path_factory.mktemp("records") / "a b"
    folder.mkdir()
    assert relocate(folder) is None
    client = client_of(folder)
    location = (folder / MLFLOW_FILES).as_uri()
    run_id = client.create_run(client.create_experiment(EXPERIMENT, location)).info.run_id
    client.log_text(run_id, "kept", "model/note.txt")
    client.create_registered_model("m")
    client.create_model_version("m", f"{client.get_run(run_id).info.artifact_uri}/model", run_id)
    return folder


def client_of(folder: Path) -> MlflowClient:
    address = f"sqlite:///{folder / 'mlflow.db'}"
    if not (folder / "mlflow.db").exists():
        SqlAlchemyStore(address, (folder / MLFLOW_FILES).as_uri())
    return MlflowClient(address)


@pytest.mark.slow
def test_a_registered_model_goes_along_from_name_to_name_and_back(
    records: Path, tmp_path: Path
) -> None:
    """And nothing is written anywhere else."""
    names = [*NASTY, NASTY[0]]
    shutil.copytree(records, tmp_path / "house" / names[0])
    assert relocate(tmp_path / "house" / names[0]) == records
    first = texts(tmp_path / "house" / names[0])
    for old, new in pairwise(names):
        place = tmp_path / "house" / new
        shutil.move(tmp_path / "house" / old, place)
        assert relocate(place) == tmp_path / "house" / old
        assert relocate(place) is None
        client = client_of(place)
        (version,) = client.search_model_versions("name = 'm'")
        source = mlflow.artifacts.download_artifacts(version.source, tracking_uri="unused:")
        assert Path(source).is_relative_to(place)
        assert (Path(source) / "note.txt").read_text() == "kept"
        client.log_text(version.run_id, "new", "more.txt")
        assert [left.name for left in (tmp_path / "house").iterdir()] == [new]
        assert not list(Path.cwd().glob("sqlite*"))
    assert texts(tmp_path / "house" / names[0]) == first


def texts(folder: Path) -> list[str]:
    """Every path in MLflow's database."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return [
            str(text)
            for table, column in COLUMNS["mlflow.db"]
            for (text,) in connection.execute(f"SELECT {column} FROM {table}")
        ]


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=9
).filter(lambda name: name not in (".", ".."))


@given(names, names, names)
def test_there_and_back(old: str, new: str, file: str) -> None:
    here, there = Path("/a", old), Path("/b/c", new)
    for text in (str(here / file), (here / file).as_uri()):
        gone = moved(text, here, there)
        assert gone in (str(there / file), (there / file).as_uri())
        assert gone.startswith("file:") == text.startswith("file:")
        assert moved(gone, there, here) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b", "/new"),
        ("/a/bc/x", "/a/bc/x"),
        ("file:///a/b/x", "file:///new/x"),
        ("/z/a/b/x", "/z/a/b/x"),
        ("models:/m-1", "models:/m-1"),
        ("mlflow-artifacts:/a/b/x", "mlflow-artifacts:/a/b/x"),
        ("file:///a/b/x y#z", "file:///new/x%20y%23z"),  # as it was once mended
    ],
)
def test_only_whole_leading_folders_are_replaced(text: str, expected: str) -> None:
    assert moved(text, Path("/a/b"), Path("/new")) == expected


def test_a_folder_below_or_above_the_old_one(records: Path, tmp_path: Path) -> None:
    """A path of the one place is a path of the other as well."""
    shutil.copytree(records, tmp_path / "x" / "x")
    relocate(tmp_path / "x" / "x")
    before = texts(tmp_path / "x" / "x")
    shutil.move(tmp_path / "x" / "x", tmp_path / "y")
    shutil.rmtree(tmp_path / "x")
    shutil.move(tmp_path / "y", tmp_path / "x")
    (tmp_path / "x" / "location").write_text(str(tmp_path / "x" / "x"))
    assert relocate(tmp_path / "x") == tmp_path / "x" / "x"
    assert relocate(tmp_path / "x") is None
    assert texts(tmp_path / "x") == [text.replace("/x/x/", "/x/") for text in before]


def test_records_that_were_once_half_mended_are_mended(records: Path, tmp_path: Path) -> None:
    """The mark said that they were here, the URIs that they were there."""
    shutil.copytree(records, tmp_path / "here")
    (tmp_path / "here" / "location").write_text(str(tmp_path / "here"))
    assert relocate(tmp_path / "here") == records
    assert str(records) not in " ".join(texts(tmp_path / "here"))


def test_what_cannot_be_mended_is_said_each_time(records: Path, tmp_path: Path) -> None:
    place = tmp_path / "here"
    shutil.copytree(records, place)
    (place / "zenml.db").write_text("this is no database, " * 100)
    for _ in range(2):
        with pytest.raises(InputError, match=r"cannot be rewritten .* LLM4IDREC_STATE"):
            relocate(place)
    assert quote(str(records)) in texts(place)[1]  # all or none


def test_a_half_written_place_is_none(tmp_path: Path) -> None:
    (tmp_path / "location").touch()
    assert relocate(tmp_path) is None


@pytest.mark.slow
def test_no_other_column_holds_a_path_of_the_folder(
    workplace: Callable[..., Config], workshop: Workshop
) -> None:
    """In the databases that the tests before have filled as well."""
    assert run.main(["prepare"]) == 0
    workshop.register({"mf": 0.1})
    folder = environment.state()
    for database, columns in COLUMNS.items():
        with closing(sqlite3.connect(folder / database)) as connection:
            found = set(_holding(connection, str(folder)))
        assert found <= set(columns), database
        assert found >= set(columns) - {
            ("artifact_visualization", "uri"),
            ("model_versions", "source"),
        }


def _holding(connection: sqlite3.Connection, path: str) -> Iterator[tuple[str, str]]:
    """Tables and columns with that path somewhere in a value."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    for (table,) in connection.execute(tables).fetchall():
        for _, column, *_ in connection.execute(f"PRAGMA table_info('{table}')").fetchall():
            text = f'CAST("{column}" AS TEXT)'
            where = " OR ".join([f"instr({text}, ?)"] * 2)
            query = f'SELECT 1 FROM "{table}" WHERE {where} LIMIT 1'
            if connection.execute(query, (path, quote(path))).fetchone():
                yield table, column
