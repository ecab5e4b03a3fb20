"""The sections about what candidates are for: which are used, and what that is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from llm4idrec.config.section import Count, Fraction, Once, Rate, Section, Weight

OWN_FILE = Path("params.yaml")
Placement = Literal["before", "spread", "after"]
RecommenderNames = Annotated[tuple[str, ...], Once]
"""Names of ours, or of sections that describe the user's own, as `Config` checks."""
ControlName = Literal[
    "language_model+ease",
    "base_model",
    "base_model+ease",
    "svd",
    "svd+ease",
    "ease",
    "itemknn",
    "itemknn+ease",
    "sasrec",
    "sasrec+ease",
    "popularity",
    "popularity+ease",
    "random",
    "random+ease",
    "self",
    "self+ease",
]
CONTROLS: tuple[ControlName, ...] = get_args(ControlName)


class FilterConfig(Section):
    """Which candidates may be used, in which order, and how many."""

    source: Path = OWN_FILE
    """params.yaml: what this section says. A file that `dvc repro tune` wrote, such as
    artifacts/tuning/mf/params.yaml: its `filter`, all of it, and its `evaluation.amounts`."""
    min_votes: Count
    """A candidate of the language model must be in the answers to this many of the views."""
    min_log_probability: float | None = None
    """Its mean log-probability must be at least this; null: no threshold."""
    agreement: Annotated[float, Field(ge=0)] = 1.0
    """In the arms that are named `+ease`: weight, in the order of a user's candidates, of the rank
    that an item-item model (EASE, section `ease`) gives them. In the others only the source's own
    rank counts."""
    popularity_exponents: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1), Once
    ] = (0.0, 1.0)
    """Exponents of a discount on popular items in that order, to choose from on validation;
    0: not at all, 1: in proportion to their interactions in train."""
    max_ratio: Annotated[float, Field(gt=0)] = 1.0
    """Most accepted items a user, as a ratio to the length of the user's history."""
    max_items: Count | None = None
    """Most accepted items a user; null: no limit."""


Amounts = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Once]


class EvaluationConfig(Section):
    """How original and augmented data are compared."""

    seeds: Annotated[int, Field(ge=2)] = 5
    """Trainings of each recommender on each data set."""
    selection_seeds: Count = 2
    """Seeds used to choose the augmentation on validation."""
    selection_metric: Literal["recall", "ndcg"] = "ndcg"
    """Validation metric (at the largest cutoff) that chooses epochs and amounts."""
    amounts: Amounts = (0.1, 0.25)
    """Ratios of generated items to history to choose from on validation; zero is always one."""
    placement: Placement = "before"
    """Where generated items, which have no time, stand in a history that has one: before its first
    item, evenly between its items, or after its last."""
    cutoffs: Annotated[tuple[Count, ...], Field(min_length=1), Once] = (10, 20)
    """N of Recall@N, NDCG@N and the rest."""
    refit: bool = True
    """Before the test, everything is trained again on train and validation: what generates, the
    filter, the controls, and the recommender, for the epochs that validation chose."""
    workers: Count = 2
    """Trainings side by side, one thread each."""

    @property
    def metric(self) -> str:
        """Name of the column that chooses, as in `ndcg_at_20`."""
        return f"{self.selection_metric}_at_{max(self.cutoffs)}"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.selection_seeds > self.seeds:
            raise ValueError("`selection_seeds` is more than `seeds`")
        return self


class ReplicatesConfig(Section):
    """How often what generates is trained, so that its luck is in the intervals."""

    runs: Count = 5
    """Trainings, each with its own seed, of the language model and of the controls that draw random
    numbers; seed k of a recommender is given what training k, modulo this, generated."""
    workers: Count = 2
    """Trainings side by side, one thread each."""


class TuneRecommendersConfig(Section):
    """The search for each recommender's settings, on the original data, by validation.

    The same settings then serve original data, augmented data and controls.
    """

    names: RecommenderNames = ("ials", "ease", "itemknn", "svd", "mf")
    """Those whose settings are searched, if they are among `recommenders` or `controls`; the others
    keep what their sections say."""
    trials: Count = 16
    """Settings to try, the first of them what the section says."""
    seconds: Rate | None = 300
    """No trial of a recommender begins after so many seconds; null: all trials are made. Where it
    cuts a search, another machine may find other settings."""
    together: Count = 4
    """Trials that are proposed before the outcome of any of them is known."""
    workers: Count = 2
    """Trials side by side, one thread each."""


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] >= ends[1]:
        raise ValueError("the first number must be below the second")
    return ends


Range = Annotated[tuple[Weight, Weight], AfterValidator(_ascending)]


class TuneConfig(Section):
    """The search for the filter that is best for a recommender, by validation (`dvc repro tune`).

    Each trial is trained with `evaluation.selection_seeds` seeds. The ranges must hold the settings
    that the section `filter` has, with which the search starts.
    """

    recommenders: RecommenderNames = ()
    """Recommenders to tune for; each gets artifacts/tuning/NAME/params.yaml for `filter.source`."""
    trials: Annotated[int, Field(ge=2)] = 30
    """Settings to try; the first is nothing added."""
    together: Count = 4
    """Trials that are proposed before the outcome of any of them is known; with as many `workers`
    none is idle. It shapes the result, `workers` do not."""
    workers: Count = 2
    """Trials side by side, one thread each."""
    amount: Annotated[tuple[Fraction, Fraction], AfterValidator(_ascending)] = (0.0, 0.5)
    """Range of the ratio of generated items to history; from 0."""
    min_votes: Annotated[tuple[Count, Count], AfterValidator(_ascending)] = (1, 8)
    """Range of `filter.min_votes`."""
    least_probable: Annotated[tuple[Fraction, Fraction], AfterValidator(_ascending)] = (0.0, 0.5)
    """Range of the share of candidates that `filter.min_log_probability` cuts off."""
    popularity_exponent: Range = (0.0, 1.5)
    """Range of an exponent of `filter.popularity_exponents`."""
