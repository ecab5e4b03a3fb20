"""Where the rows of a raw table come from: the file and the line, also of a folder of files."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict

import pyarrow as pa

KEY = b"llm4idrec.data.source"


class Place(TypedDict):
    """What `InputError` takes to say where a fault is."""

    file: Path
    line: int | None


@dataclass(frozen=True)
class Source:
    """What a raw table was read from.

    The table's `line` runs on over all `files`, which are names below the folder `path`: line l of
    file k is `before[k] + l`. Without `files` the table is the file `path`. `dropped` rows did not
    meet the conditions of the parameters; None where there were none.
    """

    path: Path
    files: Sequence[str] = ()
    before: Sequence[int] = ()
    dropped: int | None = None

    @classmethod
    def of(cls, table: pa.Table, path: Path) -> Self:
        """What `described` left in the table; `path` is where the data of the parameters lie."""
        facts = (table.schema.metadata or {}).get(KEY)
        return cls(path, **json.loads(facts)) if facts else cls(path)

    def described(self, table: pa.Table) -> pa.Table:
        """The table, whose metadata say what cannot be derived from `path` alone."""
        facts = {"files": self.files, "before": self.before, "dropped": self.dropped}
        if not self.files and self.dropped is None:
            return table
        return table.replace_schema_metadata({KEY: json.dumps(facts)})

    def left_out(self, prefix: str = "") -> dict[str, float]:
        """How many rows did not meet the conditions of the parameters, where there are any."""
        return {} if self.dropped is None else {f"{prefix}pairs_left_out": self.dropped}

    def place(self, line: int | None) -> Place:
        """The file and the line in it of a row, by its `line` in the table."""
        if line is None or not self.files:
            return Place(file=self.path, line=line)
        number = bisect_right(self.before, line - 1) - 1
        return Place(file=self.path / self.files[number], line=line - self.before[number])

    def named(self, line: int) -> str:
        """The line in words; with its file where there are several."""
        place = self.place(line)
        number = f"line {place['line']}"
        return f"{number} of {place['file'].relative_to(self.path)}" if self.files else number
