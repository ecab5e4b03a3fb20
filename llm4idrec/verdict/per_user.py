"""Metrics by user, as an evaluation or the stage that ranks left them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.arms import ORIGINAL, is_drawn, unfused
from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import run_means, seeds_by_users
from llm4idrec.runtime.files import read_table

TEST, VALIDATION = "per_user.parquet", "validation.parquet"


def read_per_user(path: Path, *, needs: Collection[str] = (ORIGINAL,)) -> pa.Table:
    """Columns variant, seed, user and metrics; every variant has the same seeds and users.

    Raises `InputError` if it has not, or if one of the variants that it `needs` is not there.
    """
    table = read_table(path)
    try:
        variants = dict.fromkeys([*needs, *table["variant"].to_pylist()])
        pairs = {
            variant: table.filter(pc.equal(table["variant"], variant))
            .select(["seed", "user"])
            .sort_by([("seed", "ascending"), ("user", "ascending")])
            for variant in variants
        }
    except (pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise _refusal(f"not a table of metrics by user ({reason})", _COLUMNS, path) from error
    for variant, its in pairs.items():
        first, given = next(iter(pairs.items()))
        cells = len(pc.unique(given["seed"])) * len(pc.unique(given["user"]))
        if not len(its) or not given.equals(its) or len(given) != cells:
            found = f"{len(given)} rows of {first} and {len(its)} of {variant}"
            raise _refusal(found, "the same seeds and users in all", path)
    return table


_COLUMNS = "Parquet with columns variant, seed, user and metrics"


def _refusal(found: str, expected: str, path: Path) -> InputError:
    return InputError(found, expected, "run the stage that writes it again", file=path)


def metrics_of(per_user: pa.Table) -> list[str]:
    """The metrics in such a table, by their columns' names."""
    return list(per_user.column_names[3:])


def variants_of(per_user: pa.Table) -> list[str]:
    """Those in such a table, in its order."""
    return list(dict.fromkeys(per_user["variant"].to_pylist()))


def users_of(per_user: pa.Table) -> list[int]:
    """Ascending."""
    return sorted(pc.unique(per_user["user"]).to_pylist())


def present(per_user: pa.Table, variant: str) -> str:
    """The variant whose rows stand for this one: an arm, or one fused with EASE, that has none
    chose amount 0 and is the original."""
    if variant in variants_of(per_user):
        return variant
    return variant.replace(unfused(variant), ORIGINAL)


def pair(
    per_user: pa.Table, variants: tuple[str, str], metric: str, *, runs: int
) -> tuple[FloatArray, FloatArray]:
    """The metric of two variants, to be compared: shape (seeds, users), or (runs, users) if one of
    them is drawn anew by each of the fewer `runs` of what generates."""
    names = [present(per_user, variant) for variant in variants]
    first, second = (seeds_by_users(per_user, name, metric) for name in names)
    if any(map(is_drawn, names)):
        return run_means(first, runs), run_means(second, runs)
    return first, second
