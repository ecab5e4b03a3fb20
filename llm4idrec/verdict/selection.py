"""What validation chose, and from what: an evaluation's `selection.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.runtime.files import read_json


@dataclass(frozen=True)
class Selection:
    """The choice of one recommender."""

    metric: str
    """What it was chosen by; the verdict is about the same metric on the test set."""
    scores: Mapping[Augmentation, Sequence[float]]
    """What there was to choose from, the first of it nothing, and what validation says of it: the
    metric's mean over the users with each seed."""
    chosen: Augmentation

    @classmethod
    def read(cls, evaluation: Path) -> Selection:
        """Of that recommender's evaluation folder."""
        content = read_json(evaluation / "selection.json")
        scores = {
            Augmentation(score["amount"], score["popularity_exponent"]): score["by_seed"]
            for score in content["scores"]
        }
        return cls(content["metric"], scores, Augmentation(**content["chosen"]))

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
