"""What must hold of the augmented interactions, as data for whoever checks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from llm4idrec.augmentation.merging import AUGMENT_AGAIN
from llm4idrec.data.expectations import Check, Suite, Validation, expect
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError


def augmented_validation(augmented: Path, known: Path) -> Validation:
    """`augmented` holds every pair of the folder `known`, and beside them only new ones.

    Raises `InputError` if a column is missing.
    """
    known_file, file = known / "interactions.parquet", augmented / "interactions.parquet"
    original = Interactions.read(known_file)
    table = pq.read_table(file).to_pandas()
    needed = ["user", "item", "origin", "popularity_exponent", "relative_rank", "votes", "rank"]
    needed.append("mean_log_probability")
    if missing := [column for column in needed if column not in table]:
        raise InputError(
            f"there is no column {missing[0]!r}", f"columns {', '.join(needed)}", file=file
        )
    is_known = original.contains(table["user"], table["item"])
    # Great Expectations skips rows with nulls.
    table["order"] = table["popularity_exponent"].fillna(-1.0)
    table["belongs_to"] = np.where(is_known, "original", "generated")
    key = table["user"].astype(np.int64) * original.n_items + table["item"]
    pairs = original.table().to_pandas()
    pairs["kept"] = np.isin(original.user.astype(np.int64) * original.n_items + original.item, key)
    generated = table[table["origin"] == "generated"]
    summary = {
        "original_pairs": int((table["origin"] == "original").sum()),
        "generated_pairs": len(generated[["user", "item"]].drop_duplicates()),
        "users_with_generated_pairs": generated["user"].nunique(),
        "items_in_generated_pairs": generated["item"].nunique(),
        "largest_relative_rank": float(generated["relative_rank"].max()) if len(generated) else 0.0,
    }
    suites = [
        Suite("augmented", Source(file), table, _augmented_checks(original)),
        Suite("known_kept", Source(file), pairs, [_kept()]),
        Suite("generated", Source(file), generated, _generated_checks()),
    ]
    return Validation(suites, summary)


def _augmented_checks(original: Interactions) -> list[Check]:
    checks = [
        Check(
            expect("ColumnValuesToBeInSet", column="origin", value_set=["original", "generated"]),
            "the origin of pair ({user}, {item}) is {origin!r}".format,
            "original or generated",
            AUGMENT_AGAIN,
        ),
        Check(
            expect("CompoundColumnsToBeUnique", column_list=["user", "item", "order"]),
            "pair ({user}, {item}) is repeated".format,
            "distinct pairs, in each order of candidates",
            AUGMENT_AGAIN,
        ),
        Check(
            expect("ColumnPairValuesToBeEqual", column_A="origin", column_B="belongs_to"),
            "pair ({user}, {item}) is called {origin}".format,
            "the known pairs, and no others, to be original",
            AUGMENT_AGAIN,
        ),
    ]
    for column, size in (("user", original.n_users), ("item", original.n_items)):
        checks += [
            Check(
                expect("ColumnValuesToBeOfType", column=column, type_="int32"),
                f"the {column} column holds {{observed_value}}".format,
                "int32",
                AUGMENT_AGAIN,
            ),
            Check(
                expect("ColumnValuesToBeBetween", column=column, min_value=0, max_value=size - 1),
                f"{column} {{{column}}} is not known".format,
                f"0 to {size - 1}",
                AUGMENT_AGAIN,
            ),
        ]
    return checks


def _kept() -> Check:
    return Check(
        expect("ColumnValuesToBeInSet", column="kept", value_set=[True]),
        "known pair ({user}, {item}) is missing".format,
        "every known pair",
        AUGMENT_AGAIN,
    )


def _generated_checks() -> list[Check]:
    ranges: list[tuple[str, dict[str, Any], str]] = [
        ("relative_rank", {"min_value": 0, "strict_min": True}, "more than 0"),
        ("popularity_exponent", {"min_value": 0}, "0 or more"),
        ("votes", {"min_value": 0}, "0 or more"),
        ("rank", {"min_value": 1}, "at least 1"),
        ("mean_log_probability", {"max_value": 0}, "0 or less"),
    ]
    checks = []
    for column, bounds, expected in ranges:
        found = f"the {column} of generated pair ({{user}}, {{item}}) is {{{column}:g}}".format
        for expectation in (
            expect("ColumnValuesToNotBeNull", column=column),
            expect("ColumnValuesToBeBetween", column=column, **bounds),
        ):
            checks.append(Check(expectation, found, expected, AUGMENT_AGAIN))
    return checks
