"""`python -m pipelines.run ui`, as a real server on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient

from llm4idrec.errors import InputError
from pipelines.environment import create_stores
from pipelines.relocation import EXPERIMENT
from pipelines.tracking import interface, stage_runs

REPO = Path(__file__).resolve().parents[3]


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    """Somebody else's server."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield other.getsockname()[1]


def free_port() -> int:
    with listener() as port:
        return port


@contextmanager
def ui(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The command; if a test leaves it running, it is killed with its server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.run", "ui", *arguments],
        env=os.environ | {"PYTHONPATH": str(REPO)} | variables, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()


@pytest.mark.slow
def test_it_serves_the_runs_on_loopback_until_interrupted() -> None:
    create_stores()
    stage_runs.experiment_id(MlflowClient())
    port = free_port()
    with ui("--port", str(port)) as process:
        assert process.stdout is not None
        address = f"original, language model, others: http://127.0.0.1:{port}/#/experiments/"
        assert any(line.startswith(address) for line in process.stdout)
        query = f"api/2.0/mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{query}") as answer:
            assert json.load(answer)["experiment"]["name"] == EXPERIMENT
        # The whole of 127.0.0.0/8 is this machine; what listened on every address would answer.
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", port)) != 0
        children = psutil.Process(process.pid).children(recursive=True)
        # What everybody on the machine may read.
        assert not [word for child in children for word in child.cmdline() if "sqlite" in word]
        assert not [child for child in children if any("job" in word for word in child.cmdline())]
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        left = psutil.wait_procs(children, timeout=1)[1]
        assert [child for child in left if child.status() != psutil.STATUS_ZOMBIE] == []
        assert interface.choose_port(port) == port
        out, error = process.communicate(timeout=60)
        assert "Traceback" not in out + error
        assert process.returncode == 0


def test_a_busy_port_is_left_for_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    with listener(), pytest.MonkeyPatch.context() as patch, listener() as port:
        patch.setattr(interface, "PORT", port)
        chosen = interface.choose_port(None)
        assert port < chosen < port + interface.TRIED
        assert capsys.readouterr().out == f"port {port} is taken: {chosen} is used\n"
        patch.setattr(interface, "TRIED", 1)
        with pytest.raises(InputError, match="are taken; give --port"):
            interface.choose_port(None)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(InputError, match=re.escape(f"--port is {port}; expected 1 to 65535")):
        interface.choose_port(port)


@pytest.mark.slow
def test_a_wanted_port_that_is_busy_is_a_sentence() -> None:
    with listener() as port, ui("--port", str(port)) as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "http" not in out
    assert error.startswith(f"port {port} cannot be used: another program answers there; expected")


@pytest.mark.slow
def test_a_server_that_ends_by_itself_is_a_failure(tmp_path: Path) -> None:
    """MLflow's server takes a path of a static prefix from the environment, and checks it."""
    create_stores()
    with ui("--port", str(free_port()), MLFLOW_STATIC_PREFIX="no slash before it") as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error.splitlines()[-1].startswith("MLflow's server ended by itself, with exit code")
