"""Copies of the repository, as it is now."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.conftest import REPO

OF_NO_COPY = {
    ".venv", ".state", "artifacts", "reports", "data", "tmp", "cache", "__pycache__",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "config.local",
}  # fmt: skip


def copy_tree(to: Path) -> None:
    """The files that git tracks, and new ones that it does not ignore."""
    for name in _names():
        if (REPO / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, to / name)


def _names() -> list[str]:
    if not (REPO / ".git").exists():  # a download
        paths = [path.relative_to(REPO) for path in REPO.rglob("*")]
        return [str(path) for path in paths if not OF_NO_COPY & set(path.parts)]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name]
