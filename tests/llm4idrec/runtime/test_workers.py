"""Tasks in processes that are killed."""

from __future__ import annotations

import os
import signal
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


def test_a_killed_worker_is_replaced_and_its_task_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with worker_pool(2) as run:
        assert set(run(once, [(tmp_path, n) for n in range(5)])) == set(range(5))
    assert {file.name for file in tmp_path.iterdir()} == {"died", *map(str, range(5))}
    assert "a worker process was killed; another takes its task" in capfd.readouterr().err


def test_one_that_is_killed_again_and_again_is_an_error() -> None:
    with worker_pool(2) as run, pytest.raises(KilledWorkerError, match="memory enough for 2"):
        list(run(always, [1, 2]))
