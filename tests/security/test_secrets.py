"""Passwords in addresses and tokens in the environment: in nothing that is said or written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm4idrec.config import Config
from llm4idrec.errors import InputError, without_passwords
from llm4idrec.runtime import command_line
from llm4idrec.tuning.study import _database
from pipelines import environment, run
from tests.conftest import REPO
from tests.security.watched import SECRET, WatchedRun, with_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://me:secret@host:80/x, and", "at http://me:***@host:80/x, and"),
        ("postgresql+psycopg2://me:p@ss:w@host/db", "postgresql+psycopg2://me:***@host/db"),
        ("https://token@host/x", "https://***@host/x"),
        ("s3:/key:secret@bucket/x.csv", "s3:/key:***@bucket/x.csv"),  # as a `Path` has it
        ("redis://:secret@host", "redis://:***@host"),
        ("models:/llm4idrec-adapter@champion", "models:/llm4idrec-adapter@champion"),
        ("abfs://container@account.example/x", "abfs://container@account.example/x"),
        ("http://127.0.0.1:5000/#/x@y", "http://127.0.0.1:5000/#/x@y"),
        ("me@example.org: /tmp/a:b", "me@example.org: /tmp/a:b"),
    ],
)
def test_what_is_hidden_of_a_text(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert str(InputError(text)) == shown


@pytest.mark.slow
def test_nothing_said_or_written_holds_a_secret(watched: WatchedRun) -> None:
    """Of a whole run whose tracking server has a password, and a stage that fails: what it says,
    with `--debug` too, the report, artifacts, records of MLflow (tags, parameters, model) and of
    ZenML."""
    assert SECRET not in watched.said
    assert "yesterday" in watched.said
    assert "Traceback" in watched.said
    files = watched.files()
    assert {"comparison.html", "mlflow.db", "zenml.db", "MLmodel"} <= {f.name for f in files}
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize("debug", [False, True])
def test_a_tracking_server_that_does_not_answer(
    debug: bool, workplace: Callable[..., Config], tmp_path: Path
) -> None:
    """With `--debug` the words of what is below have the address in them."""
    workplace()
    variables = {
        "PYTHONPATH": str(REPO),
        "LLM4IDREC_STATE": str(tmp_path / "state"),
        "MLFLOW_TRACKING_URI": with_password("http://127.0.0.1:9"),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "ZENML_CONFIG_PATH": str(tmp_path / "zenml"),
        "ZENML_STORE_URL": f"sqlite:///{tmp_path / 'zenml.db'}",
    }
    command = [sys.executable, "-m", "pipelines.run", "prepare", *(["--debug"] if debug else [])]
    done = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "no MLflow server answers where MLFLOW_TRACKING_URI says" in done.stderr
    assert ("somebody:***@127.0.0.1:9" in done.stderr) is debug
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("debug", [False, True])
def test_an_address_of_data_with_a_password_is_refused(
    debug: bool, workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    """ZenML would keep it, as the parameter of a step."""
    workplace()
    command = ["all", "--source", f"s3://key:{SECRET}@bucket/ratings.csv"]
    if debug:
        with pytest.raises(InputError, match="holds a password") as refused:
            run.main([*command, "--debug"])
        command_line.show_error(type(refused.value), refused.value, refused.tb)
    else:
        assert run.main(command) == 2
    said = capfd.readouterr()
    assert "s3://key:***@bucket/ratings.csv: holds a password; expected" in said.err
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("kind", ["postgresql", "mysql+pymysql", "nonsense"])
def test_a_database_of_studies_that_cannot_be_opened(kind: str) -> None:
    with pytest.raises(InputError, match="LLM4IDREC_STUDIES names cannot be opened") as refused:
        _database(f"{kind}://somebody:{SECRET}@127.0.0.1:9/studies")
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_path_of_data_with_a_password_is_not_repeated(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace(data={"path": f"s3://key:{SECRET}@bucket/ratings.csv"})
    assert run.main(["prepare"]) == 2
    said = capfd.readouterr()
    assert "s3:/key:***@bucket/ratings.csv: there is no such file" in said.err
    assert SECRET not in said.out + said.err


def test_the_run_records_are_their_owners_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZenML keeps the key of a server there."""
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path / "state"))
    environment.prepare()
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
