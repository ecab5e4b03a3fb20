"""What every refusal is held to: one sentence that begins with the place, exit code 2, no trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.__main__ import main

FILE = Path("given/interactions")
COLUMNS = {"user": "user", "item": "item", "timestamp": "time"}
Refuse = Callable[..., str]


@dataclass(frozen=True)
class Case:
    """`found` is what the sentence says after the place; `line` where the file has lines."""

    name: str
    content: bytes
    found: str
    line: int | None = None

    @property
    def place(self) -> str:
        return f"{FILE}: " if self.line is None else f"{FILE}, line {self.line}: "


def parameters(**data: Any) -> dict[str, Any]:
    """The fewest parameters; `data` is laid over the section of that name."""
    return {
        "seed": 1,
        "dataset": "hostile",
        "data": {"path": str(FILE), "format": "csv", **data},
        "split": {"protocol": "random"},
        "prompts": {"per_user": 2, "fully_share": 0.5, "subset_length": 4},
        "base_model": {"kind": "compact"},
        "adapter": {},
        "generation": {"views": 1, "items": 5, "history": 5},
        "filter": {"min_votes": 1},
        "recommenders": ["mf"],
    }


def write_parameters(**data: Any) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(parameters(**data)), encoding="utf-8")


def traces() -> dict[str, tuple[int, int] | None]:
    """Files below the working folder with size and time, and folders; links are not followed."""
    found: dict[str, tuple[int, int] | None] = {}
    for folder, folders, files in os.walk("."):
        found |= {f"{folder}/{name}": None for name in folders}
        for name in files:
            path = f"{folder}/{name}"
            status = os.lstat(path)
            found[path] = (status.st_size, status.st_mtime_ns)
    return found


def refused(
    capsys: pytest.CaptureFixture[str],
    place: str,
    *found: str,
    arguments: tuple[str, ...] = ("prepare", "--out", "out"),
    run: Callable[[list[str]], int] = main,
    longest: int = 1000,
) -> str:
    """Run a command that must refuse its input; returns the sentence."""
    before = traces()
    code = run(list(arguments))
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith(place), said.err
    assert said.err.count("\n") == 1, said.err
    assert said.err.endswith("\n")
    assert len(said.err) < longest
    assert "Traceback" not in said.err
    for part in found:
        assert part in said.err
    assert traces() == before
    return said.err
