"""Original and generated interactions in one table that remembers which is which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from llm4idrec.interactions import IntArray, Interactions

ORIGINAL, GENERATED = "original", "generated"


def merge_candidates(train: Interactions, candidates: pa.Table) -> pa.Table:
    """All train pairs, then the accepted candidates, with where each pair comes from.

    Columns: user, item, `origin`, `share` (0 for an original pair, else rank / length of the
    user's history, so that rows with share <= a are the augmentation at ratio a), votes,
    mean_log_probability and rank (null for an original pair).
    """
    user = candidates["user"].to_numpy()
    share = candidates["rank"].to_numpy() / train.history_lengths[user]
    nothing = {name: pa.nulls(len(train), candidates[name].type) for name in _EVIDENCE}
    original = pa.table(
        {
            "user": train.user,
            "item": train.item,
            "origin": [ORIGINAL] * len(train),
            "share": np.zeros(len(train), np.float32),
            **nothing,
        }
    )
    generated = pa.table(
        {
            "user": candidates["user"],
            "item": candidates["item"],
            "origin": pa.array([GENERATED] * len(candidates), pa.string()),
            "share": share.astype(np.float32),
            **{name: candidates[name] for name in _EVIDENCE},
        }
    )
    merged = pa.concat_tables([original, generated])
    return merged.replace_schema_metadata(train.table().schema.metadata)


def generated_pairs(generated: pa.Table, amount: float) -> tuple[IntArray, IntArray]:
    """Users and items of the augmentation at ratio `amount`, both (n,), best first in each user.

    `generated` has the columns user, item and share of generated rows; shares are float32.
    """
    rows = generated.filter(generated["share"].to_numpy() <= np.float32(amount)).sort_by("share")
    return rows["user"].to_numpy(), rows["item"].to_numpy()


_EVIDENCE = ("votes", "mean_log_probability", "rank")


def write_augmented(folder: Path, merged: pa.Table, users: pa.Table, items: pa.Table) -> None:
    """Write `interactions.parquet` in numbers and `interactions.csv` in the user's own IDs."""
    pq.write_table(merged, folder / "interactions.parquet")
    for column, identifiers in (("user", users), ("item", items)):
        place = merged.column_names.index(column)
        merged = merged.set_column(place, column, identifiers["id"].take(merged[column]))
    pyarrow.csv.write_csv(merged, folder / "interactions.csv")
