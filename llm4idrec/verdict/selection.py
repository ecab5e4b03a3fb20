"""What validation chose, and from what: an evaluation's `selection.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json

FILE = "selection.json"


@dataclass(frozen=True)
class Choice:
    """That of one arm."""

    scores: Mapping[Augmentation, Sequence[float]]
    """What there was to choose from, the first of it nothing, and what validation says of it: the
    metric's mean over the users with each seed."""
    chosen: Augmentation

    @property
    def orders(self) -> dict[float, list[Augmentation]]:
        """By popularity discount, ascending: what was tried in that order of candidates. Each order
        begins with nothing added."""
        return {
            exponent: [
                a for a in self.scores if a == ORIGINAL_DATA or a.popularity_exponent == exponent
            ]
            for exponent in sorted({a.popularity_exponent for a in self.scores if a.amount})
        }


@dataclass(frozen=True)
class Selection:
    """The choices for one recommender."""

    metric: str
    """What it was chosen by; the verdict is about the same metric on the test set."""
    runs: int
    """Trainings of what generates; seed k of the recommender was given those of run k modulo this,
    on the test set. On validation all seeds were given one run's."""
    arms: Mapping[str, Choice]
    """By name, the language model alone among them."""

    @classmethod
    def read(cls, evaluation: Path) -> Selection:
        """Of that recommender's evaluation folder; `InputError` if it is of an earlier version."""
        content = read_json(evaluation / FILE)
        if "arms" not in content or LANGUAGE_MODEL not in content["arms"]:
            raise InputError(
                "it has no choice for each arm",
                "what this version writes",
                "run the stage that evaluates again",
                file=evaluation / FILE,
            )
        arms = {arm: _choice(its["scores"], its["chosen"]) for arm, its in content["arms"].items()}
        return cls(content["metric"], content["runs"], arms)

    @property
    def language_model(self) -> Choice:
        return self.arms[LANGUAGE_MODEL]


def _choice(scores: Sequence[Mapping[str, object]], chosen: Mapping[str, float]) -> Choice:
    found = {}
    for score in scores:
        its = {key: score[key] for key in Augmentation._fields}
        found[Augmentation(**its)] = score["by_seed"]  # type: ignore[arg-type]
    return Choice(found, Augmentation(**chosen))  # type: ignore[arg-type]
