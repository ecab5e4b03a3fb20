"""What each arm adds to the interactions, as the stage `augment` left it, by replicate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.arms import DRAWN, LANGUAGE_MODEL, SELECTION, SELF, final, source_of
from llm4idrec.augmentation.merging import AUGMENT_AGAIN
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError

COLUMNS = ("user", "item", "popularity_exponent", "relative_rank")
_MAY_BE_LEFT_OUT = frozenset({"sasrec", "ease"})
"""Controls that do not suit all data."""


def replicate_file(augmented: Path, replicate: str) -> Path:
    """Parquet with the columns arm and `COLUMNS`; `augmented` is what `augment` wrote."""
    return augmented / "arms" / f"{replicate}.parquet"


def replicate_of(arm: str, run: int) -> str:
    """Where the items that an arm adds before the test are: those that no seed draws are in the
    first of the final replicates only."""
    return final(run if source_of(arm) in DRAWN else 0)


def read_pairs(augmented: Path, replicate: str, arm: str) -> pa.Table:
    """What an arm but `self` adds: user, item, popularity_exponent, relative_rank."""
    return _read(replicate_file(augmented, replicate), arm).select(COLUMNS)


def present_arms(
    augmented: Path, controls: Sequence[str], popularity_exponents: Sequence[float]
) -> list[str]:
    """The language model, and those of `controls` that added something, or that are `self`.

    Raises `InputError` if one is missing for no reason, or not in each order of candidates. Only
    sasrec and ease are left out of data that do not suit them, and nothing at all is added where
    the language model's filter lets nothing pass.
    """
    file = replicate_file(augmented, SELECTION)
    table = _read(file)
    exponents = pa.array(popularity_exponents, pa.float32())
    there = {}
    for arm in table["arm"].unique().to_pylist():
        its = table.filter(pc.equal(table["arm"], arm))["popularity_exponent"].unique()
        there[arm] = {float(exponent) for exponent in its.to_pylist()}
    for arm in controls:
        if source_of(arm) != SELF and arm not in there and source_of(arm) not in _MAY_BE_LEFT_OUT:
            _refuse(f"no pairs of the arm {arm!r}", f"pairs of {', '.join(controls)}", file)
    for arm, its in there.items():
        if missing := [e for e in exponents.to_pylist() if e not in its]:
            _refuse(
                f"no pairs of {arm!r} with the popularity discount {missing[0]:g}",
                "pairs in every order of filter.popularity_exponents",
                file,
            )
    return [LANGUAGE_MODEL, *(a for a in controls if source_of(a) == SELF or a in there)]


def require_catalogue(augmented: Path, replicates: Sequence[str], train: Interactions) -> None:
    """Raises `InputError` if a user or item is not of the train set."""
    for file in (replicate_file(augmented, replicate) for replicate in replicates):
        for name, n in (("user", train.n_users), ("item", train.n_items)):
            ends = pc.min_max(_read(file)[name]).as_py()
            if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < n:
                _refuse(
                    "a user or item is not the train set's",
                    f"{train.n_users} users and {train.n_items} items",
                    file,
                )


def _read(file: Path, arm: str | None = None) -> pa.Table:
    """The rows of an arm, or all."""
    columns = ["arm", *COLUMNS]
    rows = None if arm is None else [("arm", "==", arm)]
    try:
        return pq.read_table(file, columns=columns, filters=rows).select(columns)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not a table of arms ({reason})",
            f"Parquet with columns {', '.join(columns)}",
            AUGMENT_AGAIN,
            file=file,
        ) from error


def _refuse(found: str, expected: str, file: Path) -> None:
    raise InputError(found, expected, AUGMENT_AGAIN, file=file)
