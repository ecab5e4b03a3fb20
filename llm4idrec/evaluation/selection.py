"""How much generated data to use, and which, from validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.metrics.ranking import FloatArray

_CLEARLY = 2.0
"""Standard errors behind: the order that is a little better of few items may be the worse of
many."""


class ArmChoice(NamedTuple):
    """What validation says of one arm."""

    scores: Mapping[Augmentation, Sequence[float]]
    """What was tried, nothing first: the metric's mean over users, by seed; what fell behind has
    the first seed only."""
    chosen: Augmentation


def next_trials(
    values: Mapping[Augmentation, FloatArray], augmentations: Sequence[Augmentation], seeds: int
) -> dict[Augmentation, int]:
    """What an arm is to be judged on next, and by how many seeds in all; empty when that is enough.

    `values` are as in `choose_augmentation`, of what was judged so far, nothing added among it;
    `augmentations` all that there are. Rounds of one seed go up the amounts, from the smallest in
    every order, until an amount is behind; orders that are clearly behind at one amount are not
    tried at the next. In the last round what is not behind is judged by all `seeds`. To leave early
    what falls behind is the idea of racing (Maron and Moore 1994).
    """
    first = {augmentation: by_seed[:1] for augmentation, by_seed in values.items()}
    tried = max(augmentation.amount for augmentation in values)
    latest = {a: by_seed for a, by_seed in first.items() if a.amount == tried}
    left = not_behind(first)
    larger = [augmentation for augmentation in augmentations if augmentation.amount > tried]
    if larger and set(latest) & set(left):
        kept = not_behind(latest, _CLEARLY) if tried else larger
        orders = {augmentation.popularity_exponent for augmentation in kept}
        step = min(augmentation.amount for augmentation in larger)
        return {a: 1 for a in larger if a.amount == step and a.popularity_exponent in orders}
    return {a: seeds for a in left if len(values[a]) < seeds}


def not_behind(
    values: Mapping[Augmentation, FloatArray], errors: float = 1.0
) -> list[Augmentation]:
    """Those not worse than the best by more than so many standard errors, the best among them."""
    best = max(sorted(values), key=lambda augmentation: float(values[augmentation].mean()))
    behind = {augmentation: values[best] - its for augmentation, its in values.items()}
    return [a for a, lead in behind.items() if lead.mean() <= errors * standard_error(lead)]


def choose_augmentation(values: Mapping[Augmentation, FloatArray]) -> Augmentation:
    """The smallest amount that is not worse than the best by more than one standard error.

    `values` holds for each augmentation a metric of the same seeds and users, shape (seeds, users);
    what has fewer seeds than the others fell behind and is not chosen. Among equal amounts the
    larger mean is taken. The rule is Breiman et al.'s (1984, section 3.4.3), with pairs in place of
    folds: what a difference between two could be by chance decides, not which mean is larger.
    """
    seeds = max(map(len, values.values()))
    judged = {a: by_seed for a, by_seed in values.items() if len(by_seed) == seeds}
    means = {augmentation: float(by_seed.mean()) for augmentation, by_seed in judged.items()}
    return min(not_behind(judged), key=lambda a: (a.amount, -means[a], a.popularity_exponent))


def standard_error(differences: FloatArray) -> float:
    """Of the mean of paired differences of shape (seeds, users): both seeds and users are samples.

    The two parts of the variance are added; a single seed, or user, has no part.
    """
    parts = (differences.mean(axis=axis) for axis in (0, 1))
    return float(np.sqrt(sum(p.var(ddof=1) / len(p) for p in parts if len(p) > 1)))
