"""Mentions of items in answers, and the candidates they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.data.candidates import SCHEMA
from llm4idrec.language_model.prompts import parse_item


@dataclass(frozen=True)
class Mention:
    """An item, or a text that should have been one, in an answer."""

    row: int
    text: str
    log_probability: float


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
