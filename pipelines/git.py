"""What git knows of the repository."""

from __future__ import annotations

import subprocess


def git_tags() -> dict[str, str]:
    """Commit, and whether tracked files differ from it (`dvc.lock` changes during a run)."""
    changes = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    return {"git.commit": git("rev-parse", "HEAD") or "none", "git.dirty": str(bool(changes))}


def code_version() -> str:
    """The commit, in words for the report; empty outside a repository."""
    tags = git_tags()
    if tags["git.commit"] == "none":
        return ""
    changes = ", with changes that are not committed" if tags["git.dirty"] == str(True) else ""
    return f"commit {tags['git.commit']}{changes}"


def git(*arguments: str) -> str:
    """What git says; nothing where there is no git, or none of its folders. Whose it is does not
    matter: git is wary of what is set in another user's, whose code runs here anyway."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
