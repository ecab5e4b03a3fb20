"""The rows that a report has left, `comparison.json` and `controls.json`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow


def read_comparison(file: Path) -> list[Row]:
    """Raises `InputError` if it is of an earlier version."""
    rows: list[Row] = read_json(file)
    _require(Row.__annotations__, rows, file)
    return rows


def read_controls(file: Path) -> list[SourceRow]:
    """Raises `InputError` if it is of an earlier version."""
    rows: list[SourceRow] = read_json(file)
    _require(SourceRow.__annotations__, rows, file)
    return rows


def _require(keys: Iterable[str], rows: Iterable[Row | SourceRow], file: Path) -> None:
    for row in rows:
        if missing := [key for key in keys if key not in row]:
            raise InputError(
                f"a row has no `{missing[0]}`",
                "rows as this version writes them",
                "run the stage `report` again",
                file=file,
            )
