"""A year in small: dated interactions, and a replay of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.config import Config
from llm4idrec.replay.replay import replay
from tests.conftest import tiny_values

USERS, ITEMS = 40, 24
DAY = 86_400
MIDNIGHT = 17_000 * DAY
"""Of the first day; each has 100 interactions."""
REPLAY = {"every": "day", "begin": date(2016, 7, 23), "recommenders": ["itemknn"]}
"""After five of ten days; the last one goes on."""


def year(seed: int = 0, changed_from: int | None = None) -> pa.Table:
    """Everyone takes one item after the other round a circle that grows; from some row on others
    take other things."""
    draw = np.random.default_rng(seed)
    rows = 1000
    user = draw.integers(0, USERS, rows)
    place = np.array([np.sum(user[:n] == user[n]) for n in range(rows)])
    size = 12 + 12 * np.arange(rows) // rows
    item = (user + place) % size
    if changed_from is not None:
        user[changed_from:] = draw.integers(0, 2 * USERS, rows - changed_from)
        item[changed_from:] = draw.integers(0, ITEMS, rows - changed_from)
    return pa.table(
        {
            "user": [f"u{n}" for n in user],
            "item": [f"i{n}" for n in item],
            "timestamp": MIDNIGHT + DAY // 100 * np.arange(rows),
            "line": np.arange(1, rows + 1),
        }
    )


def config(**replay: object) -> Config:
    return Config.parse(tiny_values(replay=REPLAY | replay)).only("itemknn")


def lived(folder: Path, table: pa.Table, name: str = "out", **replayed: object) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "train.parquet")
    replay(folder / "train.parquet", folder / name, config(**replayed))
    return folder / name
