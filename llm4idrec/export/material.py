"""What is exported: the tables of a run, and the words to write for their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import GENERATED, generated_pairs
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import Placement
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import InputError


@dataclass(frozen=True)
class Material:
    """Tables that share their numbers: word k of `users` and `items` is written for number k."""

    original: Interactions
    train: Interactions
    """The original pairs and the generated ones; in time order if the original ones are."""
    valid: Interactions
    test: Interactions
    users: pa.Array
    items: pa.Array
    """Those outside the catalogue of train come last."""
    generated: tuple[IntArray, IntArray]
    """Users and items of the generated pairs."""
    meanings: dict[str, pa.Table] | None = None
    """If the words are numbers: the tables of own IDs, one named `users` and one `items`."""

    @classmethod
    def read(
        cls, at: Path, *, augmentation: Augmentation, placement: Placement, numbers: bool
    ) -> Self:
        """The tables below `at`, with the generated pairs that `augmentation` adds.

        `numbers` writes numbers in place of the user's own IDs. Raises `InputError` if a stage
        has not left its files there.
        """
        original = Interactions.read(at / "train" / "interactions.parquet")
        user, item = np.zeros((2, 0), np.int32)
        if augmentation.amount:
            generated = _generated(at / "augmented" / "interactions.parquet", augmentation)
            user, item = generated_pairs(generated, augmentation)
        tables = {role: _table(at / "identifiers" / f"{role}.parquet") for role in _ROLES}
        words = {role: table["id"].combine_chunks() for role, table in tables.items()}
        if numbers:
            words = {role: pa.array(np.arange(len(ids)).astype(str)) for role, ids in words.items()}
        return cls(
            original=original,
            train=place_generated(original, user, item, placement=placement),
            valid=Interactions.read(at / "heldout" / "valid.parquet"),
            test=Interactions.read(at / "heldout" / "test.parquet"),
            users=words["users"],
            items=words["items"],
            generated=(user, item),
            meanings=tables if numbers else None,
        )


_ROLES = ("users", "items")


def _generated(file: Path, augmentation: Augmentation) -> pa.Table:
    table = _table(file)
    origin = table["origin"].to_numpy(zero_copy_only=False)
    generated = table.filter(origin == GENERATED)
    orders = sorted(set(generated["popularity_exponent"].to_pylist()))
    if orders and np.float32(augmentation.popularity_exponent) not in orders:
        raise InputError(
            f"no generated pairs with the popularity discount {augmentation.popularity_exponent:g}",
            f"one of {', '.join(f'{order:g}' for order in orders)}",
            "choose one of filter.popularity_exponents",
            file=file,
        )
    return generated


def _table(file: Path) -> pa.Table:
    try:
        return pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "there is no such table", "the output of a stage", "run the stages first", file=file
        ) from error
