"""Raw tables by hand, and what became of them in the IDs as they were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from llm4idrec.config import DataConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.split import Split

FILE = Path("interactions.csv")
Triple = tuple[str, str, int]


def data(format: str = "csv", **values: Any) -> DataConfig:
    columns = {"user": "u", "item": "i", "timestamp": "t"} if format == "csv" else {}
    given = {"path": FILE, "format": format, "min_history": 1}
    return DataConfig.model_validate(given | columns | values)


def given_test(**values: Any) -> DataConfig:
    return data(**values).model_copy(update={"path": Path("set"), "train": "train", "test": "test"})


def raw(triples: list[Triple], *, time: bool = True) -> pa.Table:
    users, items, times = (pa.array(column) for column in zip(*triples, strict=True))
    table = {"user": users.cast(pa.string()), "item": items.cast(pa.string())}
    if time:
        table["timestamp"] = times.cast(pa.int64())
    return pa.table({**table, "line": pa.array(range(2, len(triples) + 2), pa.int64())})


def grid(users: int, items: int) -> list[Triple]:
    """Each user takes each item, one after the other."""
    return [(f"u{u}", f"i{i}", 10 * i + u) for u in range(users) for i in range(items)]


def pairs(part: Interactions, split: Split) -> list[tuple[str, str]]:
    users, items = (table["id"].to_pylist() for table in (split.users, split.items))
    return [(users[u], items[i]) for u, i in zip(part.user, part.item, strict=True)]


def parts(split: Split) -> dict[str, set[tuple[str, str]]]:
    named = {"train": split.train, "valid": split.valid, "test": split.test}
    return {name: set(pairs(part, split)) for name, part in named.items()}
