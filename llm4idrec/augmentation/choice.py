"""How much of what was generated is added, and in which of the orders of candidates."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json


class Augmentation(NamedTuple):
    """A training set: the original pairs, and the first generated ones in an order."""

    amount: float = 0.0
    """Ratio of generated items to a user's history; 0: the original pairs only."""
    popularity_exponent: float = 0.0
    """Exponent by which the order puts popular items back (`FilterConfig.popularity_exponents`)."""

    def __str__(self) -> str:
        """Its name in histories and folders."""
        amount = f"amount={self.amount:g}"
        exponent = f"popularity_exponent={self.popularity_exponent:g}"
        return f"{amount}/{exponent}" if self.amount else amount


ORIGINAL_DATA = Augmentation()


def chosen_augmentation(evaluation: Path, arm: str = LANGUAGE_MODEL) -> Augmentation:
    """What validation chose of an arm for the recommender of that evaluation folder.

    Raises `InputError` if it has not been evaluated, or not with that arm.
    """
    file = evaluation / "selection.json"
    if not file.is_file():
        remedy = "evaluate it first, as one of `recommenders`"
        raise InputError("there is no such file", "what validation chose", remedy, file=file)
    arms = read_json(file)["arms"]
    if arm not in arms:
        expected, remedy = f"one of {', '.join(arms)}", "name it in `controls`, and evaluate again"
        raise InputError(f"there is no arm {arm!r}", expected, remedy, file=file)
    return Augmentation(**arms[arm]["chosen"])
