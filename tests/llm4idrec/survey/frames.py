"""Interactions of shoppers, and ways to write them into a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

FIRST = 1_600_000_000
Rows = list[dict[str, Any]]


def shoppers(users: int = 40, items: int = 60, *, seed: int = 1, by_time: bool = False) -> Rows:
    """8 to 14 distinct items a user, each with a time in seconds and 1 to 5 stars."""
    random = np.random.default_rng(seed)
    rows: Rows = []
    for user in range(users):
        chosen = random.choice(items, int(random.integers(8, 15)), replace=False)
        times = np.sort(random.integers(FIRST, FIRST + 60_000_000, len(chosen)))
        rows += [
            {"user": 1000 + user, "item": 7 * item + 3, "time": int(time), "stars": int(stars)}
            for item, time, stars in zip(
                chosen.tolist(), times, random.integers(1, 6, len(chosen)), strict=True
            )
        ]
    return sorted(rows, key=lambda row: row["time"]) if by_time else rows


def iso(seconds: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):{form}}"


def text(
    rows: Rows,
    columns: Mapping[str, Callable[[dict[str, Any]], Any]],
    separator: str = ",",
    *,
    header: bool = True,
) -> str:
    """The rows with these columns, name -> value of a row."""
    cells: Sequence[Sequence[Any]] = [
        *([list(columns)] if header else []),
        *([value(row) for value in columns.values()] for row in rows),
    ]
    if len(separator) > 1:
        return "".join(separator.join(map(str, line)) + "\n" for line in cells)
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows(cells)
    return out.getvalue()
