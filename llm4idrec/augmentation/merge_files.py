"""The merge from files to files, some rows at a time."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.augmentation.merging import merge_candidates, write_augmented
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import read_table
from llm4idrec.runtime.memory import rows_at_a_time
from llm4idrec.runtime.row_groups import read_pieces

_BYTES_A_ROW = 300
"""In numbers, with own IDs, and as text."""


def merge_files(
    known: Interactions, identifiers: Path, candidates: Path, *, folder: Path, memory: float
) -> None:
    """Write `interactions.parquet` and the same as CSV in the user's own IDs.

    `known` are the original interactions, `identifiers` and `candidates` are folders that `prepare`
    and `filter` wrote. The files go into `folder`, which is there; `memory` is what the process may
    take, in GB (10^9 bytes). Raises `InputError` if it does not do.
    """
    users, items = (read_table(identifiers / f"{role}.parquet") for role in ("users", "items"))
    rows = rows_at_a_time(memory, _BYTES_A_ROW)
    accepted = read_pieces(candidates / "candidates.parquet", rows)
    write_augmented(
        folder, known, merge_candidates(known, accepted, rows), users=users, items=items
    )
