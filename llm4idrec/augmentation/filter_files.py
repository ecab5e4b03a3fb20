"""The filter from files to files, for some users at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.agreement import WORKING_BYTES
from llm4idrec.augmentation.candidate_files import CandidateFiles
from llm4idrec.augmentation.filtering import ACCEPTED, CONTROLLED, CandidateFilter
from llm4idrec.runtime.memory import rows_at_a_time
from llm4idrec.runtime.row_groups import Sections, write_pieces

_BYTES_A_CANDIDATE = 300
"""Of every table and array that a candidate is in while it is filtered."""


def filter_files(
    generations: CandidateFiles,
    controls: Mapping[str, CandidateFiles],
    accepting: CandidateFilter,
    *,
    folder: Path,
    memory: float,
) -> dict[str, int]:
    """Write `candidates.parquet` and `controls.parquet`; counts of the language model's by reason.

    `generations` are the language model's candidates and `controls` each control's, by name;
    `accepting` is the rule with the train set. The files go into `folder`, which is there; `memory`
    is what the process may take, in GB (10^9 bytes). The rows are those of
    `CandidateFilter.accept_all`. Raises `InputError` if `memory` does not do.
    """
    n_users, orders = accepting.train.n_users, accepting.config.popularity_exponents
    rows = sum(files.rows for files in (generations, *controls.values()))
    at_once = rows_at_a_time(memory, _BYTES_A_CANDIDATE, aside=WORKING_BYTES)
    step = max(1, at_once * n_users // max(rows, 1))
    summary: Counter[str] = Counter()
    with (
        TemporaryDirectory(dir=folder) as one,
        TemporaryDirectory(dir=folder) as other,
        Sections(Path(one), ACCEPTED, orders) as accepted,
        Sections(Path(other), CONTROLLED, product(controls, orders)) as controlled,
    ):
        for first in range(0, n_users, step):
            end = min(first + step, n_users)
            mine, theirs, counts = accepting.accept_all(
                generations.of_users(first, end),
                {name: files.of_users(first, end) for name, files in controls.items()},
            )
            summary.update(counts)
            for order in orders:
                accepted.add(order, _in_order(mine, order))
                for name, table in theirs.items():
                    its = _in_order(table, order).select(CONTROLLED.names[1:])
                    control = pa.repeat(name, len(its))
                    controlled.add((name, order), its.add_column(0, "control", control))
        write_pieces(folder / "candidates.parquet", ACCEPTED, accepted.pieces())
        write_pieces(folder / "controls.parquet", CONTROLLED, controlled.pieces())
    return dict(summary)


def _in_order(accepted: pa.Table, exponent: float) -> pa.Table:
    """The rows of one of the orders of candidates."""
    its = pc.equal(accepted["popularity_exponent"], pa.scalar(exponent, pa.float32()))
    return accepted.filter(its)
