"""The tables of an experiment, and the training sets made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.controls import SELF
from llm4idrec.augmentation.merging import AUGMENT_AGAIN, GENERATED, ORIGINAL, generated_pairs
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import Placement
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import evaluated_users, require_several

AUGMENTED, CONTROLS = "interactions.parquet", "controls.parquet"


@dataclass(frozen=True)
class Data:
    """The tables of an experiment."""

    train: Interactions
    """The original one: it names the catalogue, the users and what they have seen."""
    valid: Interactions
    test: Interactions
    generated: pa.Table
    """What the language model added: columns user, item, popularity_exponent, relative_rank."""
    controls: pa.Table
    """What each control but `self` added in its place: column control, then the same."""
    placement: Placement
    """Where generated items stand in a history."""

    @classmethod
    def read(
        cls,
        train_file: Path,
        heldout: Path,
        augmented: Path,
        *,
        controls: Sequence[str],
        popularity_exponents: Sequence[float],
        placement: Placement,
    ) -> Self:
        """What stands in `train_file`, in `valid.parquet` and `test.parquet` of `heldout`, and in
        `interactions.parquet` and `controls.parquet` of `augmented`.

        `controls` are those to compare with and `popularity_exponents` the orders of candidates to
        choose from; `placement` says where generated items stand in a history with a time. Raises
        `InputError` if a file is not what its stage writes, or of another data set, or lacks one of
        the controls or orders.
        """
        train = Interactions.read(train_file)
        valid = _heldout(heldout / "valid.parquet", train)
        test = _heldout(heldout / "test.parquet", train)
        generated = _generated(augmented / AUGMENTED, train, popularity_exponents)
        in_file = [name for name in controls if name != SELF]
        kept = _controls(augmented / CONTROLS, in_file, train, needed=len(generated) > 0)
        return cls(train, valid, test, generated, kept, placement)

    @cached_property
    def control_names(self) -> set[str]:
        """Controls that added something; `self` is not among them."""
        return set(self.controls["control"].unique().to_pylist())

    def pairs(self, control: str | None) -> pa.Table:
        """Columns user, item, popularity_exponent, relative_rank of a control but `self`, or (None)
        of the model."""
        if control is None:
            return self.generated
        rows = self.controls.filter(pc.equal(self.controls["control"], control))
        return rows.drop_columns("control")

    def training_set(
        self, generated: pa.Table, augmentation: Augmentation, with_valid: bool = False
    ) -> Interactions:
        """Original pairs, and those of `generated` (user, item, popularity_exponent,
        relative_rank) that `augmentation` adds.

        Where there is a time, `placement` gives generated items one; the smallest relative rank is
        best. They are trained on and no more: what a sequential recommender continues, at
        validation and at the test, is the original history.
        """
        pairs = self.train_and_valid if with_valid else self.train
        added = generated_pairs(generated, augmentation)
        return place_generated(pairs, *added, placement=self.placement)

    @cached_property
    def train_and_valid(self) -> Interactions:
        """All pairs of the catalogue that a user is known to have before the test, in time order
        where there is a time."""
        known = self.valid.item < self.train.n_items
        time = None if self.valid.timestamp is None else self.valid.timestamp[known]
        return self.train.union(self.valid.user[known], self.valid.item[known], time)

    @cached_property
    def test_users(self) -> IntArray:
        return evaluated_users(self.train, self.test)


def _heldout(file: Path, train: Interactions) -> Interactions:
    heldout = Interactions.read(file)
    users = evaluated_users(train, heldout)
    if heldout.n_users != train.n_users or not len(users):
        raise InputError(
            f"no user of the train set, or not the same {train.n_users} users",
            "held-out interactions of the train set's users",
            "run the stage `prepare` again",
            file=file,
        )
    require_several(users, file)
    return heldout


def _generated(file: Path, train: Interactions, popularity_exponents: Sequence[float]) -> pa.Table:
    """Rows of origin `generated`, if there are any in every order of candidates, after a check that
    the others are exactly `train`."""
    columns = ["user", "item", "origin", "popularity_exponent", "relative_rank"]
    table = _columns(file, columns, "an augmented table")
    original = table.filter(pc.equal(table["origin"], ORIGINAL))
    user, item = original["user"].to_numpy(), original["item"].to_numpy()
    if len(original) != len(train) or not train.contains(user, item).all():
        raise InputError(
            "its original rows are not the train set",
            f"the {len(train)} pairs of the train set",
            AUGMENT_AGAIN,
            file=file,
        )
    generated = table.filter(pc.equal(table["origin"], GENERATED)).drop_columns("origin")
    wanted = np.asarray(popularity_exponents, np.float32)
    missing = np.setdiff1d(wanted, generated["popularity_exponent"].to_numpy())
    if len(generated) and len(missing):
        raise InputError(
            f"no pairs with the popularity discount {missing[0]:g}",
            "pairs in every order of filter.popularity_exponents",
            AUGMENT_AGAIN,
            file=file,
        )
    return generated


def _controls(file: Path, names: Sequence[str], train: Interactions, *, needed: bool) -> pa.Table:
    """Rows of the named controls, each of which must be there if the language model added anything
    (`needed`); only sasrec and ease are left out of data that do not suit them."""
    columns = ["control", "user", "item", "popularity_exponent", "relative_rank"]
    if not names:
        kinds = (pa.string(), pa.int32(), pa.int32(), pa.float32(), pa.float32())
        return pa.schema(list(zip(columns, kinds, strict=True))).empty_table()
    table = _columns(file, columns, "a table of controls")
    if len(table) and not (
        0 <= pc.min(table["user"]).as_py() <= pc.max(table["user"]).as_py() < train.n_users
        and 0 <= pc.min(table["item"]).as_py() <= pc.max(table["item"]).as_py() < train.n_items
    ):
        raise InputError(
            "a user or item is not the train set's",
            f"{train.n_users} users and {train.n_items} items",
            AUGMENT_AGAIN,
            file=file,
        )
    table = table.filter(pc.is_in(table["control"], pa.array(names, pa.string())))
    missing = sorted(set(names) - set(table["control"].unique().to_pylist()) - {"sasrec", "ease"})
    if needed and missing:
        raise InputError(
            f"no pairs of the control {missing[0]!r}",
            f"pairs of {', '.join(names)}",
            AUGMENT_AGAIN,
            file=file,
        )
    return table


def _columns(file: Path, columns: list[str], what: str) -> pa.Table:
    try:
        return pq.read_table(file, columns=columns).select(columns)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not {what} ({reason})",
            f"Parquet with columns {', '.join(columns)}",
            AUGMENT_AGAIN,
            file=file,
        ) from error
