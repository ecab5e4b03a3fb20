"""What the machine refuses is a sentence, whichever package found it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from llm4idrec.faults import machine_error


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
