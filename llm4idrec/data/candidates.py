"""What the tuned model proposed: mentions in answers, and the candidates they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from llm4idrec.errors import InputError
from llm4idrec.language_model.prompts import parse_item
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


@dataclass(frozen=True)
class Mention:
    """An item, or a text that should have been one, in an answer."""

    row: int
    text: str
    log_probability: float


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


def count_votes(mentions: Sequence[tuple[int, int, Mention]]) -> pa.Table:
    """(user, answer, mention) triples -> the candidates of each user, best first (see `SCHEMA`).

    Rank goes by votes, then mean log-probability, then text.
    """
    table = pa.table(
        {
            "user": pa.array([user for user, _, _ in mentions], pa.int32()),
            "text": pa.array([mention.text for _, _, mention in mentions], pa.string()),
            "answer": pa.array([answer for _, answer, _ in mentions], pa.int64()),
            "p": pa.array([mention.log_probability for _, _, mention in mentions], pa.float64()),
        }
    )
    grouped = table.group_by(["user", "text"]).aggregate(
        [("answer", "count_distinct"), ("answer", "count"), ("p", "mean")]
    )
    grouped = grouped.sort_by(
        [
            ("user", "ascending"),
            ("answer_count_distinct", "descending"),
            ("p_mean", "descending"),
            ("text", "ascending"),
        ]
    )
    user = grouped["user"].to_numpy()
    first = np.searchsorted(user, user, side="left")
    items = [parse_item(text) for text in grouped["text"].to_pylist()]
    columns = {
        "user": grouped["user"],
        "text": grouped["text"],
        "item": pa.array(items, pa.int32()),
        "votes": grouped["answer_count_distinct"],
        "mentions": grouped["answer_count"],
        "mean_log_probability": grouped["p_mean"],
        "rank": pa.array(np.arange(len(user)) - first + 1),
    }
    return pa.table(columns).cast(SCHEMA)
