"""What the environment names and cannot be used: one sentence each, before anything runs."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm4idrec.config import Config
from pipelines import environment, run

REPO = Path(__file__).resolve().parents[2]
Output = pytest.CaptureFixture[str]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that answers everything alike."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def refused(
    workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> Callable[..., str]:
    """Run `prepare` with variables; the sentence, which came within seconds and left nothing."""
    workplace()
    before = sorted(Path().iterdir())

    def refuse(**variables: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            started = time.monotonic()
            assert run.main(["prepare"]) == 2
            assert time.monotonic() - started < 20  # on a machine that others keep busy
        assert sorted(Path().iterdir()) == before
        error = capfd.readouterr().err
        assert error.count("\n") == 1
        return error

    return refuse


@pytest.mark.slow
def test_an_mlflow_server_that_does_not_answer(refused: Callable[..., str]) -> None:
    nobody = f"http://127.0.0.1:{closed_port()}"
    sentence = refused(MLFLOW_TRACKING_URI=nobody)
    assert sentence == (
        "no MLflow server answers where MLFLOW_TRACKING_URI says (Connection refused); "
        "start it, or correct the address\n"
    )
    assert "not known" in refused(MLFLOW_TRACKING_URI="http://me:secret@nowhere.invalid:5000")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "not within 5 s" in refused(MLFLOW_TRACKING_URI=address)


@pytest.mark.slow
def test_a_database_that_stays_silent(refused: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}/x"
        assert "timed out" in refused(ZENML_STORE_URL=f"mysql://me:secret@{place}")


@pytest.mark.slow
def test_something_else_that_answers(refused: Callable[..., str]) -> None:
    with answering(200, b"<html>Welcome</html>") as address:
        assert "is no MLflow server that works (200)" in refused(MLFLOW_TRACKING_URI=address)
        sentence = refused(ZENML_STORE_URL=address, ZENML_STORE_API_KEY="x")
        assert "is no ZenML server that works (200)" in sentence
    with answering(401, b"") as address:
        sentence = refused(MLFLOW_TRACKING_URI=address)
        assert "refuses access (401); set MLFLOW_TRACKING_USERNAME" in sentence
    with answering(403, b"") as address:
        assert "refuses access (403); set" in refused(MLFLOW_TRACKING_URI=address)
    with answering(200, b'{"version": "0.98.0"}') as address:
        sentence = refused(ZENML_STORE_URL=address, ZENML_STORE_TYPE="rest")
        assert sentence.endswith("no key of that server; set ZENML_STORE_API_KEY\n")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MLFLOW_TRACKING_URI", "localhost:5000", "'localhost:5000'; expected a server as in http"),
        ("MLFLOW_TRACKING_URI", "./mlruns", "'./mlruns'; expected a server as in http://HOST:5000"),
        ("MLFLOW_TRACKING_URI", "file:///tmp/x", "expected a server as in http://HOST:5000"),
        (
            "MLFLOW_TRACKING_URI",
            "postgresql://me:secret@127.0.0.1:1/x",
            "MLFLOW_TRACKING_URI names",
        ),
        ("ZENML_STORE_URL", "localhost", "expected a server as in https://HOST"),
        ("ZENML_STORE_URL", "http://127.0.0.1:1", "no ZenML server answers"),
        ("LLM4IDREC_STUDIES", "studies.db", "expected a database as in postgresql://HOST/NAME"),
        ("LLM4IDREC_STUDIES", "postgresql://me:secret@127.0.0.1:1/x", "LLM4IDREC_STUDIES"),
        ("LLM4IDREC_RAY", "everywhere", "`local`, `auto`, or the address of a cluster"),
        ("LLM4IDREC_ACCELERATE", "--no_such_option", "LLM4IDREC_ACCELERATE is '--no_such_option'"),
        ("LLM4IDREC_ACCELERATE", "'open", "No closing quotation"),
    ],
)
def test_a_value_that_means_nothing(
    refused: Callable[..., str], name: str, value: str, sentence: str
) -> None:
    found = refused(**{name: value})
    assert sentence in found
    assert "secret" not in found


@pytest.mark.slow
def test_an_mlflow_server_that_works(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    environment.prepare()


@pytest.mark.slow
def test_a_device_that_is_not_there(workplace: Callable[..., Config], capfd: Output) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("it is there")
    workplace()
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("device: cpu", "device: cuda"))
    for command in (["-m", "pipelines.run", "prepare"], ["-m", "llm4idrec", "prepare"]):
        env = os.environ | {"PYTHONPATH": str(REPO)}
        done = subprocess.run(
            [sys.executable, *command], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith("`device` is cuda, and torch finds none; expected a CUDA")
    assert not Path("artifacts").exists()


def test_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("MLFLOW_TRACKING_URI", "ZENML_STORE_URL", "LLM4IDREC_RAY", "LLM4IDREC_STUDIES")
    for name in names:
        monkeypatch.setenv(name, "")
    environment.prepare()
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{environment.state()}/mlflow.db"
    assert os.environ["ZENML_STORE_URL"] == f"sqlite:///{environment.state()}/zenml.db"
    assert not {"LLM4IDREC_RAY", "LLM4IDREC_STUDIES"} & os.environ.keys()
    monkeypatch.setenv("LLM4IDREC_STATE", "")
    assert environment.state() == REPO / ".state"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("~/records", Path("~/records").expanduser()), ("other/state", REPO / "other/state")],
)
def test_the_state_folder_is_absolute(
    given: str, expected: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that is relative starts from the repository, wherever the command is given."""
    monkeypatch.chdir(tmp_path)
    for name in ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLM4IDREC_STATE", given)
    environment.set_variables()
    assert environment.state() == expected
    assert os.environ["LLM4IDREC_STATE"] == str(expected)
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{expected}/mlflow.db"


@pytest.mark.parametrize("name", ["who?", "a\\b", "a%20b", os.fsdecode(b"\xff")])
def test_a_state_folder_that_no_store_can_be_in(
    name: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    place = tmp_path / name
    sentence = refused(LLM4IDREC_STATE=str(place), MLFLOW_TRACKING_URI="", ZENML_STORE_URL="")
    assert "the databases of run records cannot lie below a folder whose name has" in sentence
    assert not place.exists()


@pytest.mark.slow
def test_a_state_folder_that_cannot_be_written(refused: Callable[..., str]) -> None:
    own = {"MLFLOW_TRACKING_URI": "", "ZENML_STORE_URL": ""}
    sentence = refused(LLM4IDREC_STATE=str(Path("ratings.csv").resolve()), **own)
    assert "the run records cannot be kept here (File exists)" in sentence
    sentence = refused(LLM4IDREC_STATE=str(Path("ratings.csv/x").resolve()), **own)
    assert "cannot be kept here (Not a directory); expected a folder that this user" in sentence
    sentence = refused(LLM4IDREC_STATE="/proc/x", **own)
    assert "cannot be kept here (No such file or directory); expected a folder" in sentence
    sentence = refused(LLM4IDREC_STATE="~nobodyx/x", **own)
    assert sentence.startswith("LLM4IDREC_STATE is '~nobodyx/x', and there is no such home")
