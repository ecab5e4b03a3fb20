"""The interactions of an experiment: what is learnt from, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

from llm4idrec.artifacts import INTERACTIONS
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.data.known import known_before_test
from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import evaluated_users, require_several


class Audience(NamedTuple):
    """Whom is ranked for."""

    users: IntArray
    """Ascending."""
    seen: Interactions
    """What they are known to have, which is not ranked."""


@dataclass(frozen=True)
class Data:
    """The tables of an experiment."""

    train: Interactions
    """The original one: it names the catalogue, the users, and what they have seen at
    validation."""
    known: Interactions
    """What may be learnt from before the test: train, with `evaluation.refit` validation too."""
    valid: Interactions
    test: Interactions

    @classmethod
    def read(cls, train: Path, known: Path, heldout: Path) -> Self:
        """From the folders of the train and of the known interactions, and that of
        `valid.parquet` and `test.parquet`.

        Raises `InputError` if a file is not what its stage writes, or of another data set.
        """
        first, more = (Interactions.read(folder / INTERACTIONS) for folder in (train, known))
        if (more.n_users, more.n_items) != (first.n_users, first.n_items):
            raise InputError(
                f"{more.n_users} users and {more.n_items} items",
                f"the {first.n_users} and {first.n_items} of the train set",
                "run the stage `prepare` again",
                file=known / INTERACTIONS,
            )
        valid, test = (_heldout(heldout / f"{name}.parquet", first) for name in ("valid", "test"))
        return cls(first, more, valid, test)

    @cached_property
    def seen(self) -> Interactions:
        """All pairs of the catalogue that a user is known to have before the test, in time order
        where there is a time."""
        return known_before_test(self.train, self.valid)

    @cached_property
    def at_validation(self) -> Audience:
        return Audience(evaluated_users(self.train, self.valid), self.train)

    @cached_property
    def at_test(self) -> Audience:
        return Audience(evaluated_users(self.train, self.test), self.seen)


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
