"""Original and generated interactions in one table that remembers which is which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.runtime.row_groups import write_pieces

ORIGINAL, GENERATED = "original", "generated"
AUGMENT_AGAIN = "run the stage `augment` again"
"""What to do about a table that is not what is merged here."""
MERGED = pa.schema(
    {
        "user": pa.int32(),
        "item": pa.int32(),
        "origin": pa.string(),
        "popularity_exponent": pa.float32(),
        "relative_rank": pa.float32(),
        "votes": pa.int32(),
        "mean_log_probability": pa.float32(),
        "rank": pa.int32(),
    }
)
"""Original and generated pairs (`merge_candidates`)."""
_NAMED = ("user", "item", "popularity_exponent", "relative_rank")
ARMS = pa.schema([("arm", pa.string()), *(MERGED.field(name) for name in _NAMED)])
"""Pairs that each arm may add, in one table."""


def merge_candidates(
    known: Interactions, candidates: Iterable[pa.Table], rows: int
) -> Iterator[pa.Table]:
    """All known pairs, so many rows at a time, then the accepted candidates, table by table.

    The columns, of `MERGED`, say where each pair comes from: `origin`, `popularity_exponent` (which
    order of candidates the row is of; null for an original pair), `relative_rank` (0 for an
    original pair, else as in `relative_ranks`), votes, mean_log_probability and rank (null for an
    original pair). A pair that several orders accept stands there once for each.
    """
    for start in range(0, len(known), rows):
        user, item = known.user[start : start + rows], known.item[start : start + rows]
        none = np.zeros(len(user), np.float32)
        yield _merged({"user": user, "item": item, "relative_rank": none}, ORIGINAL, len(user))
    for accepted in candidates:
        columns = {name: accepted[name] for name in MERGED.names if name in accepted.column_names}
        yield _merged(
            {**columns, "relative_rank": relative_ranks(accepted, known)}, GENERATED, len(accepted)
        )


def _merged(columns: Mapping[str, Any], origin: str, rows: int) -> pa.Table:
    columns = {**columns, "origin": pa.repeat(origin, rows)}
    nothing = pa.nulls(rows)
    return pa.table([columns.get(name, nothing) for name in MERGED.names], MERGED.names).cast(
        MERGED
    )


def with_relative_ranks(candidates: pa.Table, known: Interactions) -> pa.Table:
    """The same and a last column `relative_rank`, as in `relative_ranks`."""
    return candidates.append_column("relative_rank", pa.array(relative_ranks(candidates, known)))


def relative_ranks(candidates: pa.Table, known: Interactions) -> npt.NDArray[np.float32]:
    """(rank - 1/2) / length of the user's history in `known`, for the columns user and rank; (n,).

    The rows of a user in one order with relative rank <= a are the augmentation at ratio a: a times
    the length of the history, rounded, half up. Rounding down would give short histories nothing.
    Without a history there is no ratio: infinite.
    """
    length = known.history_lengths[candidates["user"].to_numpy()]
    with np.errstate(divide="ignore"):
        relative = (candidates["rank"].to_numpy() - 0.5) / length
    return np.asarray(relative, np.float32)


def generated_pairs(generated: pa.Table, augmentation: Augmentation) -> tuple[IntArray, IntArray]:
    """Users and items that `augmentation` adds, both (n,), best first in each user.

    `generated` has the columns user, item, popularity_exponent and relative_rank of generated rows;
    the latter two are float32.
    """
    within = generated["relative_rank"].to_numpy() <= np.float32(augmentation.amount)
    ordered = generated["popularity_exponent"].to_numpy() == np.float32(
        augmentation.popularity_exponent
    )
    rows = generated.filter(within & ordered).sort_by("relative_rank")
    return rows["user"].to_numpy(), rows["item"].to_numpy()


def write_augmented(
    folder: Path,
    known: Interactions,
    merged: Iterable[pa.Table],
    *,
    users: pa.Table,
    items: pa.Table,
) -> None:
    """Write `interactions.parquet` in numbers and `interactions.csv` in the user's own IDs.

    Both go into `folder`, which is there. `merged` is what `merge_candidates` makes of `known`,
    the original pairs; row k of `users` and of `items` is the `id` of number k.
    """
    ids = {name: table["id"].combine_chunks() for name, table in (("user", users), ("item", items))}

    def in_both(csv: pyarrow.csv.CSVWriter) -> Iterator[pa.Table]:
        for piece in merged:
            csv.write_table(_in_own_ids(piece, ids))
            yield piece

    own = _in_own_ids(MERGED.empty_table(), ids).schema
    with pyarrow.csv.CSVWriter(folder / "interactions.csv", own) as csv:
        schema = MERGED.with_metadata(known.table().schema.metadata)
        write_pieces(folder / "interactions.parquet", schema, in_both(csv))


def _in_own_ids(merged: pa.Table, ids: Mapping[str, pa.Array]) -> pa.Table:
    for name, own in ids.items():
        place = merged.column_names.index(name)
        merged = merged.set_column(place, name, own.take(merged[name].combine_chunks()))
    return merged
