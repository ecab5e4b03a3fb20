"""The filter from files to files, for some users at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.agreement import WORKING_BYTES
from llm4idrec.augmentation.candidate_files import CandidateFiles
from llm4idrec.augmentation.filtering import ACCEPTED, CandidateFilter
from llm4idrec.runtime.memory import rows_at_a_time
from llm4idrec.runtime.row_groups import Sections, write_pieces

_BYTES_A_CANDIDATE = 400
"""Of every table and array that a candidate is in while it is filtered, for two arms."""


def filter_files(
    generations: CandidateFiles, accepting: CandidateFilter, *, folder: Path, memory: float
) -> dict[str, int]:
    """Write `candidates.parquet`, what is accepted of one generator alone; counts by reason.

    `accepting` is the rule with what is known. The file goes into `folder`, which is there;
    `memory` is what the process may take, in GB (10^9 bytes). The rows are those of
    `CandidateFilter.accept`. Raises `InputError` if `memory` does not do.
    """
    orders = accepting.config.popularity_exponents
    summary: Counter[str] = Counter()
    with (
        TemporaryDirectory(dir=folder) as apart,
        Sections(Path(apart), ACCEPTED, orders) as sections,
    ):
        for first, end in users_at_a_time(accepting, generations.rows, memory):
            accepted, counts = accepting.accept(generations.of_users(first, end), agreement=0.0)
            summary.update(counts)
            for order in orders:
                sections.add(order, in_order(accepted, order))
        write_pieces(folder / "candidates.parquet", ACCEPTED, sections.pieces())
    return dict(summary)


def users_at_a_time(
    accepting: CandidateFilter, rows: int, memory: float
) -> Iterator[tuple[int, int]]:
    """The first user and the one behind the last of each part of all users, so that the candidates
    of a part can be filtered in `memory` GB; all users have so many `rows` of them."""
    n_users = accepting.known.n_users
    at_once = rows_at_a_time(memory, _BYTES_A_CANDIDATE, aside=WORKING_BYTES)
    step = max(1, at_once * n_users // max(rows, 1))
    for first in range(0, n_users, step):
        yield first, min(first + step, n_users)


def in_order(accepted: pa.Table, exponent: float) -> pa.Table:
    """The rows of one of the orders of candidates."""
    its = pc.equal(accepted["popularity_exponent"], pa.scalar(exponent, pa.float32()))
    return accepted.filter(its)
