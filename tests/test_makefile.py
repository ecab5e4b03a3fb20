"""What the Makefile does to `.venv`, in one of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


def test_the_code_and_its_command_are_known_in_every_folder_also_of_a_repository_that_was_moved(
    tmp_path: Path,
) -> None:
    lines = [
        line.strip().replace("$$", "$")
        for line in (REPO / "Makefile").read_text(encoding="utf-8").splitlines()
        if "llm4idrec.pth" in line or line.endswith(".venv/bin/llm4idrec")
    ]
    assert len(lines) == 3
    old, new = tmp_path / "old name", tmp_path / "new"
    (old / "below").mkdir(parents=True)
    (old / "llm4idrec").mkdir()
    (old / "llm4idrec/__init__.py").touch()
    (old / "llm4idrec/console.py").write_text("def main(): import sys; print(sys.argv)")
    venv.create(old / ".venv")
    path = f"{old / '.venv/bin'}:{os.environ['PATH']}"
    subprocess.run(["sh", "-ec", "\n".join(lines)], env={"PATH": path}, cwd=old, check=True)
    old.rename(new)
    shown = subprocess.run(
        [new / ".venv/bin/python", "-c", "import llm4idrec; print(llm4idrec.__file__)"],
        env={}, cwd=new / "below", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == str(new / "llm4idrec/__init__.py")
    command = new / ".venv/bin/llm4idrec"
    shown = subprocess.run([command, "a b"], cwd="/", capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == str([str(command), "a b"])


@pytest.mark.parametrize("head", ["#!{}\n", '#!/bin/sh\n\'\'\'exec\' "{}" "$0" "$@"\n'])
@pytest.mark.parametrize("moved", [False, True])
def test_an_environment_that_was_moved_is_made_anew(head: str, moved: bool, tmp_path: Path) -> None:
    folder = tmp_path / "my repository"
    folder.mkdir()
    for file in (REPO / "Makefile", *REPO.glob("requirements*")):
        shutil.copy(file, folder)
    venv.create(folder / ".venv")
    (folder / ".venv/bin/dvc").write_text(head.format(folder / ".venv/bin/python3.11"))
    (folder / ".venv/bin/python3.11").touch()
    (folder / ".venv/.ready").touch()
    if moved:
        folder = folder.rename(tmp_path / "moved")
    planned = subprocess.run(
        ["make", "-n", "lint"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert ("rm -rf .venv" in planned.stdout) is moved
