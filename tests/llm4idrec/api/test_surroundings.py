"""What a call leaves as it was: the caller's program, its processes, signals and random numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from llm4idrec.api.surroundings import Workplace
from tests.conftest import REPO

SCRIPT = """
print("begins")
import os, random, signal
import numpy as np, torch
from llm4idrec import compare
from llm4idrec.api.examples import SMALL, shop

def state():
    numbers = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    return numbers, random.getstate(), handlers, torch.get_num_threads(), os.environ.get(
        "OPENBLAS_NUM_THREADS"), signal.pthread_sigmask(signal.SIG_BLOCK, [])

two = {"workers": 2}
settings = {**SMALL, "replicates": {"runs": 2, **two},
            "evaluation": {**SMALL["evaluation"], **two}}
before = state()
verdict = compare(shop(), user="customer", item="article", recommenders=["mf"],
                  settings=settings, progress=False)
assert state() == before
print(verdict.bottom_line)
"""
LONG = """
from llm4idrec import augment
from llm4idrec.api.examples import SMALL, shop
long = {**SMALL, "adapter": {"rank": 2, "steps": 10**6}}
augment(shop(), user="customer", item="article", settings=long)
"""


def environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(temporary)}


@pytest.mark.slow
def test_a_program_without_a_guard_begins_once(tmp_path: Path) -> None:
    """Worker processes do not run it again; nothing of the caller's is changed."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", file],
        env=environment(tmp_path / "temporary"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "begins"
    assert len(lines) == 2
    assert not done.stderr
    assert not list((tmp_path / "temporary").glob("llm4idrec*"))


@pytest.mark.slow
def test_a_call_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    call = subprocess.Popen(
        [sys.executable, "-c", LONG],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("llm4idrec-call-*/.adapter.resumable")):
        assert call.poll() is None
        time.sleep(0.1)
    call.send_signal(signal.SIGINT)
    _, said = call.communicate(timeout=60)
    assert "\nKeyboardInterrupt\n" in said
    assert call.returncode
    assert not list(tmp_path.glob("llm4idrec*"))


def test_the_folder_of_a_killed_program_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = (
        "import os; from llm4idrec.api.surroundings import Workplace;"
        "work = Workplace(None); (work.path / 'file').touch(); os._exit(1)"
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive = Workplace(None)
    subprocess.run([sys.executable, "-c", killed], env=environment(tmp_path), check=False)
    (left,) = set(tmp_path.iterdir()) - {alive.path}
    assert (left / "file").is_file()
    other = Workplace(None)
    assert set(tmp_path.iterdir()) == {alive.path, other.path}
