"""Many users asked about by several processes: the same bytes, whatever happens to one."""

from __future__ import annotations

import secrets
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import mlflow
import pytest

from llm4idrec.runtime.files import work_folder
from pipelines.registry.registry import SIGNATURE
from tests.pipelines.conftest import Workshop
from tests.pipelines.many_users import by_shards, started, write_histories

pytestmark = pytest.mark.slow
REFUSING = """
import pandas
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from llm4idrec.errors import InputError

class Refusing(PythonModel):
    def predict(self, context, model_input: pandas.DataFrame, params=None):
        raise NotImplementedError

    def answer(self, frame, unknown):
        raise InputError("nobody is served today", "another day", file="calendar")

set_model(Refusing())
"""


@pytest.fixture
def whole(workshop: Workshop) -> bytes:
    """What one process makes of the histories of 61 users."""
    workshop.register({"mf": 0.1})
    write_histories(60)
    assert by_shards(8, "--workers", "1", "--to", "whole.csv").returncode == 0
    return Path("whole.csv").read_bytes()


def test_workers_change_nothing(whole: bytes) -> None:
    one = by_shards(8, "--workers", "1", "--to", "out.csv")
    for workers in ("2", "3"):
        Path("out.csv").unlink()
        more = by_shards(8, "--workers", workers, "--to", "out.csv")
        assert more.returncode == 0, more.stderr
        assert Path("out.csv").read_bytes() == whole
        assert more.stdout == one.stdout == "out.csv: 520 rows, for 52 of 61 users\n"
        assert said(more.stderr) == said(one.stderr)
        assert "100%" in more.stderr
    assert not list(Path().glob(".*out.csv*"))


def said(stderr: str) -> list[str]:
    lines = [line for line in stderr.splitlines() if "left out" in line]
    assert len(lines) == 3
    return lines


@pytest.mark.skipif(find_spec("ray") is None, reason="`make ray` installs it")
def test_a_ray_cluster_changes_nothing(whole: bytes) -> None:
    ray = {
        "LLM4IDREC_RAY": "local",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_agent_register_timeout_ms": "300000",  # for a busy machine
        "RAY_worker_niceness": "0",
    }
    done = by_shards(8, "--to", "out.csv", **ray)
    assert done.returncode == 0, done.stderr
    assert Path("out.csv").read_bytes() == whole


def test_a_killed_worker_is_replaced(whole: bytes) -> None:
    mark = Path.cwd() / "killed"
    kill = f"--multiprocessing-fork|shard-00002|1|before|{mark}"
    done = by_shards(8, "--workers", "2", "--to", "out.csv", KILL_AT=kill)
    assert mark.exists()
    assert done.returncode == 0, done.stderr
    assert "a worker process was killed; another takes its task" in done.stderr
    assert Path("out.csv").read_bytes() == whole


def test_a_killed_call_goes_on_with_any_number_of_workers(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1})
    write_histories(299)
    work = work_folder(Path("out.csv"))
    assert by_shards(1, "--workers", "1", "--to", "whole.csv").returncode == 0
    with started(1, "--workers", "2", "--to", "out.csv") as process:
        while len(list(work.glob("shard-*"))) < 3:
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
        process.communicate()  # until its workers have ended, too
    assert process.returncode == -signal.SIGKILL
    left = {file: file.stat().st_mtime_ns for file in work.glob("shard-*")}
    assert 3 <= len(left) < 300
    assert not Path("out.csv").exists()
    last = work / "shard-00299.parquet"
    mark = Path.cwd() / "killed"
    kill = f"out.csv|/out.csv|1|before|{mark}"
    second = by_shards(1, "--workers", "1", "--to", "out.csv", KILL_AT=kill)
    assert second.returncode == -signal.SIGKILL
    assert last.exists()
    assert {file: file.stat().st_mtime_ns for file in left} == left
    assert by_shards(1, "--workers", "3", "--to", "out.csv").returncode == 0
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not list(Path().glob(".*out.csv*"))


@pytest.mark.filterwarnings("ignore:.*input example was not")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_a_worker_refuses_is_a_sentence(
    workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_histories(20)
    Path("refusing.py").write_text(REFUSING)
    mlflow.pyfunc.save_model(
        "refusing", python_model="refusing.py", signature=SIGNATURE, pip_requirements=[]
    )
    done = by_shards(8, "--model", "refusing", "--workers", workers, "--to", "out.csv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "calendar: nobody is served today; expected another day"
    assert "Traceback" not in done.stderr
    assert not list(Path().glob("*out.csv*"))
