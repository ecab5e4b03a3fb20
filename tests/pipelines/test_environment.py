from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipelines import environment


def test_a_moved_state_folder_is_mended_with_its_artifacts_readable(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    assert environment.relocate(old) is None
    client = MlflowClient(f"sqlite:///{old / 'mlflow.db'}")
    experiment = client.create_experiment("moved", artifact_location=(old / "mlflow").as_uri())
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "kept", "note.txt")

    shutil.move(old, new)
    assert environment.relocate(new) == str(old)
    assert environment.relocate(new) is None
    moved = MlflowClient(f"sqlite:///{new / 'mlflow.db'}")
    note = moved.download_artifacts(run, "note.txt")
    assert Path(note).read_text() == "kept"


def test_only_whole_leading_folders_are_replaced(tmp_path: Path) -> None:
    paths = ["/a/b", "/a/bc/x", "file:///a/b/x", "/z/a/b/x", "models:/m-1", None, "/a/b/x"]
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("CREATE TABLE t (c TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(path,) for path in paths])
        environment._replace_prefix(connection, "t", "c", "/a/b", "/new")
        found = [row[0] for row in connection.execute("SELECT c FROM t")]
    assert found == ["/a/b", "/a/bc/x", "file:///new/x", "/z/a/b/x", "models:/m-1", None, "/new/x"]


def test_the_columns_to_mend_exist() -> None:
    environment.create_stores()
    for database, columns in environment.PATH_COLUMNS.items():
        with closing(sqlite3.connect(environment.state() / database)) as connection:
            for table, column in columns:
                connection.execute(f"SELECT {column} FROM {table} LIMIT 1")


def test_a_queued_experiment_keeps_its_records_with_the_original(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LLM4IDREC_STATE")
    monkeypatch.setattr(environment, "REPO", Path("/home/me/repo/.dvc/tmp/exps/tmp1"))
    assert environment.state() == Path("/home/me/repo/.state")


def test_a_variable_that_is_set_keeps_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_STORE_URL", "https://zenml.example.org")
    environment.prepare()
    assert environment.os.environ["ZENML_STORE_URL"] == "https://zenml.example.org"


def test_a_store_whose_creation_was_killed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path))
    script = """
import os, signal, sys
from pipelines import environment
environment.prepare()
if sys.argv[1:]:
    def profile(frame, event, _):
        if frame.f_code.co_name == "create_all":
            open(os.environ["LLM4IDREC_STATE"] + "/zenml.db", "w").write("half")
            os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(profile)
environment.create_stores()
"""
    command = [sys.executable, "-c", script]
    first = subprocess.run([*command, "die"], cwd=environment.REPO, check=False)
    assert first.returncode == -signal.SIGKILL
    assert (tmp_path / "creating").is_file()
    subprocess.run(command, cwd=environment.REPO, check=True)
    assert not (tmp_path / "creating").exists()
    with closing(sqlite3.connect(tmp_path / "zenml.db")) as connection:
        connection.execute("SELECT uri FROM artifact_version")


def test_a_half_written_place_is_none(tmp_path: Path) -> None:
    (tmp_path / "location").touch()
    assert environment.relocate(tmp_path) is None
