"""The test's metrics by user, as an evaluation left them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table
from llm4idrec.verdict.variants import COMPARED, ORIGINAL, is_control


def read_per_user(path: Path) -> pa.Table:
    """Columns variant, seed, user and metrics; every variant has the same seeds and users, or, if
    it is a control, the first of the seeds."""
    table = read_table(path)
    try:
        variants = dict.fromkeys([*COMPARED, *table["variant"].to_pylist()])
        pairs = {
            variant: table.filter(pc.equal(table["variant"], variant))
            .select(["seed", "user"])
            .sort_by([("seed", "ascending"), ("user", "ascending")])
            for variant in variants
        }
    except (pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not a table of metrics by user ({reason})",
            "Parquet with columns variant, seed, user and metrics",
            "run the stage that evaluates again",
            file=path,
        ) from error
    original = pairs[ORIGINAL]
    n_users = len(pc.unique(original["user"]))
    for variant, others in pairs.items():
        first = original.slice(0, len(others))
        enough = len(others) == len(original) or is_control(variant)
        if not len(others) or not enough or len(others) % n_users or not first.equals(others):
            raise InputError(
                f"{len(original)} rows of the original and {len(others)} of the {variant} data",
                "the same seeds and users in both",
                "run the stage that evaluates again",
                file=path,
            )
    return table


def metrics_of(per_user: pa.Table) -> list[str]:
    """The metrics in such a table, by their columns' names."""
    return list(per_user.column_names[3:])
