"""What a setting of the filter is worth to a recommender, by validation alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.filtering import filter_candidates
from llm4idrec.augmentation.merging import generated_pairs, with_relative_ranks
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import EvaluationConfig, FilterConfig, TuneConfig
from llm4idrec.config.recommenders import RecommenderConfig
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.recommenders.registry import new_recommender, trainings
from llm4idrec.recommenders.validation import Ranker, Validation


class FilterChoice(NamedTuple):
    """A point of the search: how much to add, and which candidates."""

    amount: float
    """Ratio of generated items to a user's history; at 0 the rest means nothing."""
    min_votes: int
    least_probable: float
    """Share of the candidates, those of the smallest log-probability, that are not considered."""
    popularity_exponent: float


class Watch(Protocol):
    """Told the selection metric after each validation of a training; may raise to end the trial."""

    def __call__(self, seed: int, validation: int, score: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class _Watched(Validation):
    """Tells somebody of each score; validations of a training count from 0."""

    watch: Callable[[float], None]

    def scores(self, recommender: Ranker) -> dict[str, float]:
        scores = super().scores(recommender)
        self.watch(scores[self.metric])
        return scores


class _Material(NamedTuple):
    """Read once a process."""

    train: Interactions
    valid: Interactions
    generations: pa.Table


def first_choices(
    filter: FilterConfig, evaluation: EvaluationConfig, cut: float
) -> list[FilterChoice]:
    """See `FilterTuning.defaults`; `cut` is what `filter.min_log_probability` cuts off."""
    rest = filter.min_votes, cut
    added = [
        FilterChoice(min(amount, filter.max_ratio), *rest, exponent)
        for amount in evaluation.amounts
        for exponent in filter.popularity_exponents
    ]
    return [FilterChoice(0.0, *rest, filter.popularity_exponents[0]), *dict.fromkeys(added)]


def require_in_range(choices: Sequence[FilterChoice], tune: TuneConfig) -> None:
    """`InputError` if a setting that the search starts with is outside the ranges."""
    for name in FilterChoice._fields:
        low, high = getattr(tune, name)
        for value in (getattr(choice, name) for choice in choices):
            if not low <= value <= high:
                found = f"`tune.{name}` is [{low:g}, {high:g}]"
                raise InputError(found, f"a range with {value:g}, where the search starts")


@dataclass(frozen=True)
class FilterTuning:
    """One train and validation set, one set of generations by what knows train only, one
    recommender; plain data.

    The test set is no part of it.
    """

    train_file: Path
    valid_file: Path
    generations: Path
    recommender: str
    settings: RecommenderConfig
    evaluation: EvaluationConfig
    filter: FilterConfig
    """The settings that a choice replaces some of."""
    seed: int
    device: str

    @property
    def metric(self) -> str:
        """What is searched for the best of, on validation."""
        return self.evaluation.metric

    @property
    def _material(self) -> _Material:
        return _read(self.train_file, self.valid_file, self.generations)

    def defaults(self) -> list[FilterChoice]:
        """Nothing added; then all that `evaluate` would choose from without tuning."""
        cut = 0.0
        if (least := self.filter.min_log_probability) is not None:
            cut = float(np.mean(_log_probabilities(self._material) < least))
        return first_choices(self.filter, self.evaluation, cut)

    def filter_config(self, choice: FilterChoice) -> FilterConfig:
        """The choice as a section of `params.yaml`; its amount becomes `max_ratio`."""
        least = self.filter.min_log_probability
        if choice.least_probable:
            every = np.sort(_log_probabilities(self._material))
            least = float(every[min(int(choice.least_probable * len(every)), len(every) - 1)])
        changes = {
            "min_votes": choice.min_votes,
            "min_log_probability": least,
            "popularity_exponents": (choice.popularity_exponent,),
            "max_ratio": choice.amount,
        }
        return self.filter.model_copy(update=changes)

    def training_set(self, choice: FilterChoice) -> Interactions:
        """What `augment` and `evaluate` would train on with this choice, to choose by validation;
        what is added is the language model's alone."""
        train, _, generations = self._material
        if not choice.amount:
            return train
        accepted, _ = filter_candidates(generations, train, self.filter_config(choice))
        augmentation = Augmentation(choice.amount, choice.popularity_exponent)
        added = generated_pairs(with_relative_ranks(accepted, train), augmentation)
        return place_generated(train, *added, placement=self.evaluation.placement)

    def validate(self, choice: FilterChoice, watch: Watch) -> list[float]:
        """Mean selection metric over validation users of a training with each selection seed, or
        of one where the seed means nothing.

        The same trainings as `evaluate` chooses by, to the bit.
        """
        train, valid, _ = self._material
        data = self.training_set(choice)
        scores = []
        for seed in range(trainings(self.settings, self.evaluation.selection_seeds)):
            cutoffs, told = self.evaluation.cutoffs, _numbered(watch, seed)
            validation = _Watched(valid, train, cutoffs, self.metric, history=data, watch=told)
            recommender = new_recommender(
                self.recommender, self.settings, seed=self.seed, nth=seed, device=self.device
            )
            scores.append(recommender.fit(data, validation).scores[self.metric])
        return scores


def _numbered(watch: Watch, seed: int) -> Callable[[float], None]:
    numbers = count()
    return lambda score: watch(seed, next(numbers), score)


@cache
def _read(train_file: Path, valid_file: Path, generations: Path) -> _Material:
    train, valid = map(Interactions.read, (train_file, valid_file))
    return _Material(train, valid, read_generations(generations))


def _log_probabilities(material: _Material) -> FloatArray:
    return np.asarray(material.generations["mean_log_probability"].to_numpy(), np.float64)
