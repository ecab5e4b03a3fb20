"""How much generated data to use, and which, from validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.metrics.ranking import FloatArray


class ArmChoice(NamedTuple):
    """What validation says of one arm."""

    scores: Mapping[Augmentation, Sequence[float]]
    """What there was to choose from, nothing first: the metric's mean over users, by seed."""
    chosen: Augmentation


def choose_augmentation(values: Mapping[Augmentation, FloatArray]) -> Augmentation:
    """The smallest amount that is not worse than the best by more than one standard error.

    `values` holds for each augmentation a metric of the same seeds and users, shape (seeds, users).
    Among equal amounts the larger mean is taken. The rule is Breiman et al.'s (1984, section
    3.4.3), with pairs in place of folds: what a difference between two could be by chance decides,
    not which mean is larger.
    """
    means = {augmentation: float(array.mean()) for augmentation, array in values.items()}
    best = max(sorted(values), key=means.__getitem__)
    order = sorted(values, key=lambda a: (a.amount, -means[a], a.popularity_exponent))
    behind = {augmentation: values[best] - values[augmentation] for augmentation in order}
    return next(a for a, lead in behind.items() if lead.mean() <= standard_error(lead))


def standard_error(differences: FloatArray) -> float:
    """Of the mean of paired differences of shape (seeds, users): both seeds and users are samples.

    The two parts of the variance are added; a single seed, or user, has no part.
    """
    parts = (differences.mean(axis=axis) for axis in (0, 1))
    return float(np.sqrt(sum(p.var(ddof=1) / len(p) for p in parts if len(p) > 1)))
