"""Files of candidates: what the tuned model, or a control in its place, proposed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table

SCHEMA = pa.schema(
    {
        "user": pa.int32(),
        "text": pa.string(),
        "item": pa.int32(),
        "votes": pa.int32(),
        "mentions": pa.int32(),
        "mean_log_probability": pa.float32(),
        "rank": pa.int32(),
    }
)
"""A row is a user's candidate: `text` as generated, `item` if it parses, `votes` the answers that
have it (next_item: the views that rank it among the best), `mentions` how often they say it, and
the rank among the user's rows."""


def read_generations(folder: Path) -> pa.Table:
    """All shards of a folder as one table of `SCHEMA`; `InputError` if one is anything else."""
    return pa.concat_tables([_read_shard(file) for file in shards(folder)])


def shards(folder: Path) -> list[Path]:
    """The files that `generate` wrote, users ascending; `InputError` if there are none."""
    files = sorted(folder.glob("shard-*.parquet"))
    if not files:
        raise InputError("holds no generated shards", "a folder that `generate` wrote", file=folder)
    return files


def _read_shard(file: Path) -> pa.Table:
    table = read_table(file)
    require_schema(table.schema, file)
    return table


def require_schema(schema: pa.Schema, file: Path) -> None:
    """Raises `InputError` if it is not `SCHEMA`."""
    if schema != SCHEMA:
        raise InputError(
            "is no table of candidates",
            f"the columns {', '.join(SCHEMA.names)} with their types",
            "run the stage that writes it again",
            file=file,
        )
