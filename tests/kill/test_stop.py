"""Stopped as a terminal or a manager of jobs does it: a signal to the whole group of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient

from pipelines.environment import create_stores
from pipelines.tracking import stage_runs
from tests.conftest import tiny_params, tiny_ratings
from tests.kill.chain import Place

REPO = Path(__file__).resolve().parents[2]
SENTENCE = "stopped; run it again: it goes on where it stopped"
SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)


def started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command], env=os.environ | {"PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.slow
@SIGNALS
@pytest.mark.parametrize("lines", [1, 3], ids=["as they are started", "at work"])
def test_worker_processes_end_without_a_word(number: int, code: int, lines: int) -> None:
    process = started("tests.kill.stopped", "workers")
    assert process.stdout is not None
    for _ in range(lines):
        assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    assert process.communicate(timeout=30)[1] == SENTENCE + "\n"
    assert process.returncode == code
    assert psutil.wait_procs(workers, timeout=10)[1] == []


@pytest.mark.slow
def test_a_signal_to_the_first_process_alone_ends_the_workers_too() -> None:
    process = started("tests.kill.stopped", "workers")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["begun\n"] * 3
    workers = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.communicate(timeout=30)[1] == SENTENCE + "\n"
    assert process.returncode == 143
    assert psutil.wait_procs(workers, timeout=10)[1] == []


def test_a_signal_that_python_would_ignore_comes_again() -> None:
    process = started("tests.kill.stopped", "collection")
    assert process.communicate(timeout=30)[1] == SENTENCE + "\n"
    assert process.returncode == 130


@pytest.mark.slow
def test_what_was_started_to_ignore_a_signal_goes_on() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = started("tests.kill.stopped", "nap")
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_an_error_that_nobody_knows_is_a_traceback_and_exit_code_1() -> None:
    process = started("tests.kill.stopped", "error")
    assert "ValueError: invalid literal" in process.communicate(timeout=30)[1]
    assert process.returncode == 1


@pytest.mark.slow
@SIGNALS
@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_a_stage_is_closed_as_killed_and_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, seconds: float
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ratings.csv").write_text(tiny_ratings())
    tiny_params()
    create_stores()  # or the first would be stopped there, and the next would make them anew
    process = started("pipelines.run", "prepare")
    assert process.stdout is not None
    assert process.stdout.readline() == "prepare: started\n"
    time.sleep(seconds)  # while packages are imported; while the stage is at work
    os.killpg(process.pid, number)
    assert process.communicate(timeout=30)[1] == SENTENCE + "\n"
    assert process.returncode == code
    assert not Path("artifacts").exists()
    client = MlflowClient()
    place = f"tags.place LIKE '%{tmp_path}'"
    found = client.search_runs([stage_runs.experiment_id(client)], place)
    assert [run.info.status for run in found] == ["KILLED"] * len(found)


@pytest.mark.slow
def test_dvc_adds_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # DVC starts a stage by the user's shell; dash, its choice where there is none, dies of the
    # signal itself, and DVC then names that instead of the stage's exit code.
    monkeypatch.setenv("SHELL", "/bin/bash")
    place = Place(tmp_path)
    place.prepare()
    process = place.start("prepare", ("dvc", "repro", "prepare"))
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 255
    lines = (tmp_path / ".git" / "output").read_text().splitlines()
    assert lines[-2] == SENTENCE
    assert lines[-1].startswith("ERROR: failed to reproduce 'prepare'")
    assert "exited with 130" in lines[-1]
    assert not [line for line in lines if "Traceback" in line]
