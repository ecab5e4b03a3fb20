"""What the machine refuses is a sentence, whichever package found it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy

from llm4idrec.errors import InputError
from llm4idrec.runtime.faults import exit_code, machine_error


def test_a_database_that_another_process_keeps_locked(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE t (c)")
        other.execute("BEGIN EXCLUSIVE")
        engine = sqlalchemy.create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
        with pytest.raises(sqlalchemy.exc.OperationalError) as raised, engine.connect() as ours:
            ours.execute(sqlalchemy.text("SELECT * FROM t"))
        engine.dispose()
    fault = machine_error(raised.value)
    assert fault is not None
    assert str(fault).startswith("another process keeps a database locked; wait for it or end it")


def test_memory_that_is_used_up(capsys: pytest.CaptureFixture[str]) -> None:
    def caught() -> None:
        try:
            np.zeros(2**50)
        except MemoryError as error:
            raise InputError("not a Parquet file") from error

    for run in (lambda: np.zeros(2**50), lambda: pa.allocate_buffer(2**60), caught):
        assert exit_code(run, debug=False) == 1
        said = capsys.readouterr().err
        assert said.startswith("memory is used up; end other programs, or take a machine with m")
        assert said.count("\n") == 1


def test_an_error_that_is_its_own_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def raise_again() -> None:
        error = InputError("nothing", "something")
        raise error from error  # as of an error that names its file rightly already

    assert exit_code(raise_again, debug=False) == 2
    assert "nothing; expected something" in capsys.readouterr().err
