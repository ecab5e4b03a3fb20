"""A program does not outlive who runs it, however that ends, and leaves no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

REPO = Path(__file__).resolve().parents[3]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_whoever_is_stopped(tmp_path: Path, workers: int, number: int, code: int) -> None:
    """As a terminal and managers of jobs do it, a signal to the whole group."""
    process = started(tmp_path, workers)
    programs = begun(tmp_path, workers)
    os.killpg(process.pid, number)
    assert process.wait(timeout=30) == code
    require_ended(tmp_path, programs)


@pytest.mark.slow
def test_a_worker_that_is_killed(tmp_path: Path) -> None:
    """Its program ends; another worker takes the task, and starts it again."""
    process = started(tmp_path, 2)
    programs = begun(tmp_path, 2)
    guards = [guard for program in programs if (guard := program.parent())]
    worker = next(worker for guard in guards if (worker := guard.parent()))
    worker.kill()
    again = begun(tmp_path, 2, but=programs)
    assert psutil.wait_procs(programs, timeout=10)[1] == []
    process.kill()
    process.wait()
    require_ended(tmp_path, again)


def started(place: Path, workers: int) -> subprocess.Popen[bytes]:
    """Trainings by programs that take long."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.llm4idrec.own.stopped", str(workers)],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(REPO), "TMPDIR": str(place)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def begun(place: Path, number: int, but: Sequence[psutil.Process] = ()) -> list[psutil.Process]:
    """So many programs other than some, once they run."""
    known, deadline = {program.pid for program in but}, time.monotonic() + 90
    while time.monotonic() < deadline:
        words = [file.read_text() for file in place.glob("program-*")]
        numbers = [int(word) for word in words if word.endswith("\n") and int(word) not in known]
        if len(numbers) >= number:
            return [psutil.Process(its) for its in numbers]
        time.sleep(0.05)
    raise TimeoutError(f"{len(numbers)} programs began, expected {number}")


def require_ended(place: Path, programs: list[psutil.Process]) -> None:
    assert psutil.wait_procs(programs, timeout=10)[1] == []
    while list(place.glob("llm4idrec-own-*")):  # removed right after
        time.sleep(0.05)
