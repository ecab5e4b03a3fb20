"""A tree without git's history, as a ZIP download is: the bundled data must be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

WITH_VENV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """What `make data` needs; nothing above it is a repository either."""
    for name in ("Makefile", "data.dvc", ".dvcignore", ".gitignore", "dvc.yaml", "params.yaml"):
        shutil.copy(REPO / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(REPO / ".dvc" / name, tmp_path / ".dvc" / name)
    for name in ("bundled", "plots"):
        shutil.copytree(REPO / ".dvc" / name, tmp_path / ".dvc" / name)
    ready = tmp_path / ".venv" / ".ready"
    ready.parent.mkdir()
    for lock in ("", "-cpu", "-cuda"):
        (tmp_path / f"requirements{lock}.lock").touch()
    ready.touch()
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | WITH_VENV, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_data_are_there_and_dvc_works_without_git_and_with_it_later(download: Path) -> None:
    assert run(download, "dvc", "pull", "--quiet", "data.dvc").returncode != 0
    done = run(download, "make", "data")
    assert done.returncode == 0, done.stderr
    assert (download / "data/ml-latest-small/ratings.csv").is_file()
    assert "Data and pipelines are up to date" in run(download, "dvc", "status", "data.dvc").stdout
    run(download, "git", "init", "--quiet")
    assert run(download, "make", "data").returncode == 0
    assert "no_scm" not in run(download, "dvc", "config", "--list").stdout


@pytest.mark.slow
def test_a_machine_without_git(tmp_path: Path) -> None:
    """As far as the stages look for a commit."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    code = "from pipelines.git import git_tags; print(git_tags())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PATH": str(programs)}, cwd=REPO,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "{'git.commit': 'none', 'git.dirty': 'False'}\n", done.stderr
