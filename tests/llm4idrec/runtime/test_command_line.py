"""What a terminal can show, and how a process leaves; in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO, tiny_params
from tests.llm4idrec.verdict.rows import bottom_line_of, changed_row, system

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TERMINALS = [
    PLAIN, {**PLAIN, "LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii:strict"},
    {"PYTHONIOENCODING": "cp1252"},
]  # fmt: skip


def run(*command: str, encoding: str = "utf-8", **variables: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", *command], env=os.environ | {"PYTHONPATH": str(REPO)} | variables,
        capture_output=True, encoding=encoding, check=False,
    )  # fmt: skip


@pytest.fixture
def worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report whose gain is negative."""
    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    found = bottom_line_of(system("original", 0.3, of="mf"))
    row = changed_row(relative_gain=-0.05, ci_low=-0.06, ci_high=-0.04)
    for name, content in (("comparison", [row]), ("controls", []), ("bottom_line", found)):
        Path("reports", f"{name}.json").write_text(json.dumps(content))


@pytest.mark.parametrize("terminal", TERMINALS)
def test_a_negative_gain_is_shown_on_any_terminal(worse: None, terminal: dict[str, str]) -> None:
    done = run("pipelines.run", "verdict", encoding="latin-1", **terminal)
    assert (done.returncode, done.stderr) == (0, "")
    assert "-5.0 %" in done.stdout


def test_a_terminal_that_can_shows_it_as_it_is(worse: None) -> None:
    done = run("pipelines.run", "verdict", PYTHONIOENCODING="utf-8")
    assert "\N{MINUS SIGN}5.0 %" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("terminal", TERMINALS)
def test_ids_in_sentences_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ratings.csv").write_text("user,item,time\nжук,m1,1\n", encoding="utf-8")
    tiny_params()
    done = run("llm4idrec", "prepare", encoding="latin-1", **terminal)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert "\\u0436\\u0443\\u043a" in sentence


def test_output_that_nobody_can_take_is_a_sentence(worse: None) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "pipelines.run", "verdict"]
        variables = os.environ | {"PYTHONPATH": str(REPO)}
        done = subprocess.run(
            command, env=variables, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(b"the disk is full")


def test_output_that_nobody_reads_to_its_end_is_no_fault(worse: None) -> None:
    """As with `| head`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.run", "verdict"], stdout=write, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(REPO)}, check=False,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
def test_argparse_has_its_exit_codes() -> None:
    assert run("llm4idrec", "--help").returncode == 0
    done = run("llm4idrec", "nonsense")
    assert done.returncode == 2
    assert "invalid choice: 'nonsense'" in done.stderr
