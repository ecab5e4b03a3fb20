"""What to serve: everything that ranks, chosen on validation, told by the test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa

from llm4idrec.augmentation.arms import (
    LANGUAGE_MODEL,
    ORIGINAL,
    fused,
    has_ease,
    is_drawn,
    is_fused,
    unfused,
    with_ease,
)
from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import (
    Comparison,
    compare,
    mean_with_interval,
    run_means,
    seeds_by_users,
)
from llm4idrec.verdict.comparison import read_chosen
from llm4idrec.verdict.per_user import TEST, VALIDATION, read_per_user, users_of, variants_of
from llm4idrec.verdict.selection import Selection
from llm4idrec.verdict.variants import uses_language_model

EASE, RANDOM = "ease", "random"


class System(TypedDict):
    """Something that ranks for a person; means over users and seeds, or runs where these are
    fewer."""

    recommender: str | None
    """One of `recommenders`; null: what generates ranks by itself."""
    variant: str
    """What the recommender was trained on, and whether it is fused with EASE; of what ranks by
    itself, who that is."""
    parts: int
    """Models that have to be trained: the recommender, who proposes items, EASE."""
    uses_language_model: bool
    """Tuned or not."""
    validation: float
    test: float
    test_low: float
    """With `test_high`: the 95 % interval of the mean, over users and seeds."""
    test_high: float


class BottomLine(TypedDict):
    """What validation chose to serve, as in `bottom_line.json`; the figures are of one metric."""

    metric: str
    n_runs: int
    """Trainings of what generates; of one, nobody knows its luck."""
    systems: list[System]
    """The best on validation first: that one is chosen. Ties go to the one with fewer parts, then
    to the one without a language model."""
    best_with: int | None
    """Place in `systems` of the best on validation that uses a language model."""
    best_without: int | None
    """Of the best that uses none."""
    lead: float | None
    """Of the first of these two over the second on the test set, relative to the second."""
    lead_low: float | None
    """With `lead_high`: its 95 % interval."""
    lead_high: float | None
    lead_p_value: float | None
    """Of one paired test over users and seeds."""


@dataclass(frozen=True)
class _Ranking:
    """The metric by seed (or run) and user, shape (seeds, users)."""

    recommender: str | None
    variant: str
    validation: FloatArray
    test: FloatArray

    @property
    def system(self) -> System:
        """Without the means over runs."""
        own = unfused(self.variant)
        added = self.recommender is not None and own != ORIGINAL
        ease = has_ease(own) or is_fused(self.variant)
        mean, low, high = mean_with_interval(self.test)
        return System(
            recommender=self.recommender,
            variant=self.variant,
            parts=1 + added + ease,
            uses_language_model=uses_language_model(self.variant),
            validation=float(self.validation.mean()),
            test=mean,
            test_low=low,
            test_high=high,
        )

    @property
    def model(self) -> str | None:
        """The one model that ranks, if it is one and nothing is added to its training."""
        if self.recommender is None:
            return None if is_fused(self.variant) else self.variant
        if self.variant == ORIGINAL or (self.recommender, self.variant) == (EASE, fused(ORIGINAL)):
            return self.recommender
        return None


def bottom_line(evaluations: Sequence[Path], rankings: Path) -> BottomLine:
    """From the evaluation folders, each named as its recommender, and the folder of what ranks by
    itself.

    For each recommender: as it is, with the language model's items, with those together with EASE,
    with those of the arm that is best on validation among the others, and, fused with EASE, as it
    is and with the language model's items. By itself everything that generates, but random items.
    Raises `InputError` where the folders are not of the same test users, or not what their stages
    write.
    """
    selections = [Selection.read(folder) for folder in evaluations]
    metric, runs = selections[0].metric, selections[0].runs
    found = [
        ranking
        for folder, selection in zip(evaluations, selections, strict=True)
        for ranking in _of_recommender(folder, selection)
    ]
    users = users_of(read_chosen(evaluations[0] / TEST, selections[0]))
    found += _by_themselves(rankings, metric, users)
    ranked = sorted(
        ((ranking, _system(ranking, runs)) for ranking in found),
        key=lambda each: (-round(each[1]["validation"], 12), *_size(each[1])),
    )
    ranked = _told_once(ranked)
    systems = [system for _, system in ranked]
    places = [
        next((k for k, s in enumerate(systems) if s["uses_language_model"] == wanted), None)
        for wanted in (True, False)
    ]
    lead: Comparison | None = None
    if places[0] is not None and places[1] is not None:
        pair = ranked[places[1]][0], ranked[places[0]][0]
        lead = compare(*_alike(*pair, seeds=len(found[0].test), runs=runs))
    return BottomLine(
        metric=metric,
        n_runs=runs,
        systems=systems,
        best_with=places[0],
        best_without=places[1],
        lead=lead.relative_gain if lead else None,
        lead_low=lead.low if lead else None,
        lead_high=lead.high if lead else None,
        lead_p_value=lead.p_value if lead else None,
    )


def simpler_and_better(found: BottomLine, recommender: str) -> System | None:
    """The best on validation of what uses no language model, is not bigger than the recommender
    with the language model's items, and is better than that on validation; None if nothing is."""
    systems = found["systems"]
    own = [s for s in systems if (s["recommender"], s["variant"]) == (recommender, LANGUAGE_MODEL)]
    return next(
        (
            system
            for system in systems
            for its in own
            if not system["uses_language_model"]
            and system["parts"] <= its["parts"]
            and system["validation"] > its["validation"]
        ),
        None,
    )


def _of_recommender(evaluation: Path, selection: Selection) -> Iterator[_Ranking]:
    """What somebody could serve of one recommender; what was not made is left out."""
    tables = [read_chosen(evaluation / file, selection) for file in (VALIDATION, TEST)]
    present = [v for v in variants_of(tables[0]) if v in variants_of(tables[1])]
    own = [LANGUAGE_MODEL, with_ease(LANGUAGE_MODEL)]
    others = {
        variant: _values(tables[0], variant, selection.metric).mean()
        for variant in present
        if variant not in (ORIGINAL, *own) and not is_fused(variant)
    }
    best = [max(others, key=lambda variant: others[variant])] if others else []
    for variant in (ORIGINAL, *own, *best, fused(ORIGINAL), fused(LANGUAGE_MODEL)):
        if variant in present:
            values = (_values(table, variant, selection.metric) for table in tables)
            yield _Ranking(evaluation.name, variant, *values)


def _by_themselves(rankings: Path, metric: str, users: Sequence[int]) -> Iterator[_Ranking]:
    tables = [
        read_per_user(rankings / file, needs=(LANGUAGE_MODEL,)) for file in (VALIDATION, TEST)
    ]
    if users_of(tables[1]) != users:
        raise InputError(
            "its test users are not those of the evaluations",
            "the same",
            "run the stages that evaluate and rank again",
            file=rankings / TEST,
        )
    for variant in variants_of(tables[0]):
        if variant != RANDOM and variant in variants_of(tables[1]):
            yield _Ranking(None, variant, *(_values(table, variant, metric) for table in tables))


def _values(table: pa.Table, variant: str, metric: str) -> FloatArray:
    return seeds_by_users(table, variant, metric)


def _system(ranking: _Ranking, runs: int) -> System:
    if is_drawn(ranking.variant):
        test = run_means(ranking.test, runs)
        return _Ranking(ranking.recommender, ranking.variant, ranking.validation, test).system
    return ranking.system


def _size(system: System) -> tuple[int, bool]:
    return system["parts"], system["uses_language_model"]


def _told_once(ranked: list[tuple[_Ranking, System]]) -> list[tuple[_Ranking, System]]:
    """Without what is a recommender as it is under another name, if the figures are the same."""
    own = {
        (ranking.recommender, *_figures(system))
        for ranking, system in ranked
        if ranking.variant == ORIGINAL
    }
    return [
        (ranking, system)
        for ranking, system in ranked
        if ranking.variant == ORIGINAL or (ranking.model, *_figures(system)) not in own
    ]


def _figures(system: System) -> tuple[float, float]:
    """As they are told."""
    return round(system["validation"], 4), round(system["test"], 4)


def _alike(
    first: _Ranking, second: _Ranking, *, seeds: int, runs: int
) -> tuple[FloatArray, FloatArray]:
    """Both by the same seeds or runs; seed k of a recommender was given what run k modulo the runs
    generated. `seeds` are those of the recommenders."""
    by_themselves = first.recommender is None and second.recommender is None
    rows = np.arange(runs if by_themselves and runs > 1 else seeds)
    both = first.test[rows % len(first.test)], second.test[rows % len(second.test)]
    if is_drawn(first.variant) or is_drawn(second.variant):
        return run_means(both[0], runs), run_means(both[1], runs)
    return both
