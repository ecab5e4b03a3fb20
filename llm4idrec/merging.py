"""Original and generated interactions in one table that remembers which is which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from llm4idrec.augmentation import Augmentation
from llm4idrec.interactions import IntArray, Interactions

ORIGINAL, GENERATED = "original", "generated"


def merge_candidates(train: Interactions, candidates: pa.Table) -> pa.Table:
    """All train pairs, then the accepted candidates, with where each pair comes from.

    Columns: user, item, `origin`, `popularity` (which order of candidates the row is of; null for
    an original pair), `share` (0 for an original pair, else as in `shares`), votes,
    mean_log_probability and rank (null for an original pair). A pair that several orders accept
    stands there once for each.
    """
    nothing = {name: pa.nulls(len(train), candidates[name].type) for name in _EVIDENCE}
    original = pa.table(
        {
            "user": train.user,
            "item": train.item,
            "origin": [ORIGINAL] * len(train),
            "popularity": pa.nulls(len(train), pa.float32()),
            "share": np.zeros(len(train), np.float32),
            **nothing,
        }
    )
    generated = pa.table(
        {
            "user": candidates["user"],
            "item": candidates["item"],
            "origin": pa.array([GENERATED] * len(candidates), pa.string()),
            "popularity": candidates["popularity"],
            "share": shares(candidates, train),
            **{name: candidates[name] for name in _EVIDENCE},
        }
    )
    merged = pa.concat_tables([original, generated])
    return merged.replace_schema_metadata(train.table().schema.metadata)


def merge_controls(train: Interactions, controls: pa.Table) -> pa.Table:
    """The controls' accepted candidates: control, user, item, popularity, share."""
    return with_shares(controls, train).select(["control", "user", "item", "popularity", "share"])


def with_shares(candidates: pa.Table, train: Interactions) -> pa.Table:
    """The same and a last column `share`, as in `shares`."""
    return candidates.append_column("share", pa.array(shares(candidates, train)))


def shares(candidates: pa.Table, train: Interactions) -> npt.NDArray[np.float32]:
    """(rank - 1/2) / length of the user's history, for the columns user and rank; (n,).

    The rows of a user in one order with share <= a are the augmentation at ratio a: a times the
    length of the history, rounded, half up. Rounding down would give short histories nothing.
    Without a history there is no ratio: infinite.
    """
    length = train.history_lengths[candidates["user"].to_numpy()]
    with np.errstate(divide="ignore"):
        share = (candidates["rank"].to_numpy() - 0.5) / length
    return np.asarray(share, np.float32)


def generated_pairs(generated: pa.Table, augmentation: Augmentation) -> tuple[IntArray, IntArray]:
    """Users and items that `augmentation` adds, both (n,), best first in each user.

    `generated` has the columns user, item, popularity and share of generated rows; the latter two
    are float32.
    """
    within = generated["share"].to_numpy() <= np.float32(augmentation.amount)
    ordered = generated["popularity"].to_numpy() == np.float32(augmentation.popularity)
    rows = generated.filter(within & ordered).sort_by("share")
    return rows["user"].to_numpy(), rows["item"].to_numpy()


_EVIDENCE = ("votes", "mean_log_probability", "rank")


def write_augmented(folder: Path, merged: pa.Table, users: pa.Table, items: pa.Table) -> None:
    """Write `interactions.parquet` in numbers and `interactions.csv` in the user's own IDs."""
    pq.write_table(merged, folder / "interactions.parquet")
    for column, identifiers in (("user", users), ("item", items)):
        place = merged.column_names.index(column)
        merged = merged.set_column(place, column, identifiers["id"].take(merged[column]))
    pyarrow.csv.write_csv(merged, folder / "interactions.csv")
