"""The interactions of a person, really read: how many there are of everything."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.formats.doubts import UNITS
from llm4idrec.data.rows import Ids, distinct_pairs
from llm4idrec.data.source import Source

_A_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@dataclass(frozen=True)
class Counted:
    """Counts of a table of interactions; a pair is a user and an item."""

    rows: int
    users: int
    items: int
    pairs: int
    short_histories: int
    """Users with fewer pairs than `data.min_history`."""
    span: tuple[int, int] | None
    """First and last time."""

    @classmethod
    def of(cls, table: pa.Table, data: DataConfig) -> Counted:
        ids = Ids.of(table, None)
        rows = ids.rows(table)
        once = distinct_pairs(rows, ids, data=data, source=Source.of(table, data.train_file))
        history = np.bincount(once.user)
        timed = "timestamp" in table.column_names and not data.format.endswith("_sequential")
        ends = pc.min_max(table["timestamp"]).as_py() if timed else None
        return cls(
            rows=len(rows),
            users=len(ids.user),
            items=len(ids.item),
            pairs=len(once),
            short_histories=int(np.count_nonzero(history < data.min_history)),
            span=(ends["min"], ends["max"]) if ends else None,
        )


def read_aside(path: Path, data: DataConfig) -> tuple[pa.Table, list[str]]:
    """What the library reads, and what it says on stderr, line by line."""
    said = io.StringIO()
    with redirect_stderr(said):
        table = read_file(path, data)
    return table, said.getvalue().splitlines()


def moment(time: int) -> str:
    """A time as a date, if its size tells the unit; else as the number that it is."""
    for unit, (least, beyond) in UNITS.items():
        if least <= time < beyond:
            return f"{datetime.fromtimestamp(time / _A_SECOND[unit], UTC):%Y-%m-%d %H:%M}"
    return f"{time}"
