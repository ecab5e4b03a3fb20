"""The notebooks run as plain Python, and are kept with outputs that tell nothing of a machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO

FOLDER = REPO / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 100_000


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def code(notebook: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(notebook, "code")]


def test_there_are_two() -> None:
    assert [notebook.stem for notebook in NOTEBOOKS] == ["quick-start", "your-own-recommender"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_those_of_one_clean_run(notebook: Path) -> None:
    run = cells(notebook, "code")
    assert [cell["execution_count"] for cell in run] == list(range(1, len(run) + 1))
    kinds = {output["output_type"] for cell in run for output in cell["outputs"]}
    assert kinds <= {"stream", "execute_result"}
    streams = [o for cell in run for o in cell["outputs"] if o["output_type"] == "stream"]
    assert {stream["name"] for stream in streams} <= {"stdout"}
    text = notebook.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    of_a_machine = ("/home", "/root", "/tmp", "/usr", str(REPO), "Warning")
    assert not [word for word in of_a_machine if word in text]
    assert "<script" not in text


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_as_plain_python(notebook: Path) -> None:
    script = "\n\n".join(code(notebook)) + "\nprint(verdict.bottom_line)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "NDCG@20 on test" in done.stdout.splitlines()[-1]
