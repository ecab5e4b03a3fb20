"""What a report has left, `comparison.json`, `controls.json` and `bottom_line.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.bottom_line import BottomLine, System
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow


def read_comparison(file: Path) -> list[Row]:
    """Raises `InputError` if it is of an earlier version."""
    rows: list[Row] = read_json(file)
    _require(Row.__annotations__, rows, file)
    return rows


def read_controls(file: Path) -> list[ArmRow]:
    """Raises `InputError` if it is of an earlier version."""
    rows: list[ArmRow] = read_json(file)
    _require(ArmRow.__annotations__, rows, file)
    return rows


def read_bottom_line(file: Path) -> BottomLine:
    """Raises `InputError` if it is of another version."""
    found: BottomLine = read_json(file)
    _require(BottomLine.__annotations__, [found], file)
    _require(System.__annotations__, found["systems"], file)
    return found


def _require(keys: Iterable[str], rows: Iterable[Mapping[str, Any]], file: Path) -> None:
    for row in rows:
        if missing := [key for key in keys if key not in row]:
            raise InputError(
                f"a row has no `{missing[0]}`",
                "rows as this version writes them",
                "run the stage `report` again",
                file=file,
            )
