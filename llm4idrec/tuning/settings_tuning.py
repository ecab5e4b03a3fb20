"""What settings are worth to a recommender, by validation on the original data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llm4idrec.config.own import Value
from llm4idrec.config.recommenders import RecommenderConfig
from llm4idrec.config.search import with_values
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.registry import new_recommender
from llm4idrec.recommenders.validation import Training, Validation


@dataclass(frozen=True)
class SettingsTuning:
    """One train and validation set, one recommender; plain data.

    Neither generated items nor the test set are part of it.
    """

    train_file: Path
    valid_file: Path
    recommender: str
    section: RecommenderConfig
    """What `params.yaml` says; the values of a trial replace some of it."""
    metric: str
    """What is searched for the best of, on validation."""
    cutoff: int
    """The metric's."""
    seed: int
    device: str

    def train(self, values: Mapping[str, Value]) -> Training:
        """A training with the first of the seeds that derive from `seed`.

        Raises `DivergenceError` and `InputError` as the recommender's `fit` does.
        """
        train, valid = map(Interactions.read, (self.train_file, self.valid_file))
        settings = with_values(self.section, values)
        recommender = new_recommender(
            self.recommender, settings, seed=self.seed, nth=0, device=self.device
        )
        return recommender.fit(train, Validation(valid, train, (self.cutoff,), self.metric))
