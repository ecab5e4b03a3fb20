"""Tasks in processes that are killed."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from llm4idrec.errors import KilledWorkerError
from llm4idrec.runtime.workers import worker_pool


def once(task: tuple[Path, int]) -> int:
    """Dies the first time that task 2 is done."""
    folder, number = task
    if number == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / str(number)).touch()
    return number


def always(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_task_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with worker_pool(2) as run:
        assert set(run(once, [(tmp_path, n) for n in range(5)])) == set(range(5))
    assert {file.name for file in tmp_path.iterdir()} == {"died", *map(str, range(5))}
    assert "a worker process was killed; another takes its task" in capfd.readouterr().err


def wait_for_the_other(task: tuple[Path, int]) -> None:
    """The second is killed at first; the first ends when the second has."""
    folder, number = task
    if number:
        if not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "done").touch()
    deadline = time.monotonic() + 60
    while not (folder / "done").exists():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


@pytest.mark.slow
def test_the_death_of_a_process_that_was_started_late_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the pool already waited for what the first one does."""
    real = ProcessPoolExecutor._spawn_process  # type: ignore[attr-defined]

    def late(pool: object) -> None:
        time.sleep(0.3)
        real(pool)

    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", late)
    with worker_pool(2) as run:
        assert list(run(wait_for_the_other, [(tmp_path, 0), (tmp_path, 1)])) == [None, None]


@pytest.mark.slow
def test_one_that_is_killed_again_and_again_is_an_error() -> None:
    with worker_pool(2) as run, pytest.raises(KilledWorkerError, match="memory enough for 2"):
        list(run(always, [1, 2]))
