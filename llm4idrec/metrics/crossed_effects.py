"""Whether the mean of differences by user and seed can be 0, and between what ends a mean lies:
users and seeds are crossed random effects.

The model is y[s, u] = mean + user + seed + residual (Searle, Casella and McCulloch, *Variance
Components*, 1992; for replicates beside topics in retrieval: Voorhees, Samarov and Soboroff, *Using
Replicates in Information Retrieval Evaluation*, TOIS 2017). Of the mean squares of its analysis of
variance, (users + seeds - residual) / (S U) estimates the variance of the mean over S seeds and U
users.

A component that is estimated below 0 counts as 0, and its mean square is left out: where all seeds
are the same what is left is the t-test over users of their means, where all users are that over
seeds, without both that over all cells. The degrees of freedom are Satterthwaite's (1946), of the
mean squares left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from llm4idrec.metrics.ranking import FloatArray

_ROUNDING = 1e-9
_FIRST_STEP, _DOUBLINGS, _HALVINGS = 1e-3, 200, 100


def mean_test(difference: FloatArray) -> float:
    """Two-sided p of `difference`, shape (seeds, users), at least 2 users; one seed stands for all.

    Differences that are all equal give 1 if they are 0, and 0 if they are not.
    """
    squares = _mean_products(difference, difference)
    return _p_value(float(difference.mean()), squares, difference.shape)


def mean_interval(values: FloatArray, alpha: float) -> tuple[float, float]:
    """The means of `values`, of the same shape, that have a p of `alpha` or more."""
    mean = float(values.mean())
    error, freedom = _standard_error(_mean_products(values, values), values.shape)
    reach = error * float(stdtrit(freedom, 1 - alpha / 2)) if error else 0.0
    return mean - reach, mean + reach


class RatioTest:
    """The same of augmented - ratio * original, for any ratio: Fieller's (1954) way from a test to
    an interval of the ratio of two means."""

    def __init__(self, original: FloatArray, augmented: FloatArray) -> None:
        """Both of shape (seeds, users); the mean of `original` is not 0."""
        self.shape = original.shape
        self.mean = float(original.mean())
        self.estimate = float(augmented.mean()) / self.mean
        rest = augmented - self.estimate * original
        products = [_mean_products(rest, rest), _mean_products(rest, original)]
        products.append(_mean_products(original, original))
        self.products = [tuple(each) for each in np.transpose(products).tolist()]

    def p_value(self, ratio: float) -> float:
        """That of `mean_test`."""
        step = ratio - self.estimate
        squares = [rest - step * (2 * both - step * own) for rest, both, own in self.products]
        return _p_value(-step * self.mean, squares, self.shape)

    def interval(self, alpha: float, tested: float) -> tuple[float, float] | None:
        """The ratios around the estimate that have a p of `alpha` or more; None where they have no
        end, as the mean of `original` is too uncertain.

        `tested` is the p of the ratio 1. The interval holds 1 if that is not below `alpha`, and
        does not if it is, whatever rounding says.
        """
        own = [products[2] for products in self.products]
        if _p_value(self.mean, own, self.shape) >= alpha:
            return None
        low, high = (self._end(side, alpha, tested) for side in (-1, 1))
        return None if low is None or high is None else (low, high)

    def _end(self, side: int, alpha: float, tested: float) -> float | None:
        """The last ratio on a side of the estimate, -1 or 1, that is not rejected."""
        inside, outside = self.estimate, None
        if side * (1 - self.estimate) > 0:
            inside, outside = (inside, 1.0) if tested < alpha else (1.0, None)
        if outside is None:
            outside = self._rejected(side, alpha, start=inside)
        if outside is None:
            return None
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            if middle in (inside, outside):
                break
            if self.p_value(middle) < alpha:
                outside = middle
            else:
                inside = middle
        return inside

    def _rejected(self, side: int, alpha: float, start: float) -> float | None:
        """A ratio beyond `start` that is rejected."""
        step = _FIRST_STEP
        for _ in range(_DOUBLINGS):
            if self.p_value(start + side * step) < alpha:
                return start + side * step
            step *= 2
        return None


def _mean_products(left: FloatArray, right: FloatArray) -> list[float]:
    """The mean squares of users, seeds and residual if both are the same; if not, their part in the
    mean squares of a sum. With one seed the last two are 0."""
    n_seeds, n_users = left.shape
    both = np.stack([left, right])
    both = both - both.mean(axis=(1, 2), keepdims=True)
    users, seeds = both.mean(axis=1, keepdims=True), both.mean(axis=2, keepdims=True)
    parts = users, seeds, both - users - seeds
    of_users, of_seeds, of_rest = (part.prod(axis=0).sum() for part in parts)
    if n_seeds == 1:
        return [float(of_users) / (n_users - 1), 0.0, 0.0]
    sums = n_seeds * of_users, n_users * of_seeds, of_rest
    freedom = _freedom(n_seeds, n_users)
    return [float(each) / its for each, its in zip(sums, freedom, strict=True)]


def _freedom(n_seeds: int, n_users: int) -> tuple[int, int, int]:
    """Degrees of freedom of users, seeds and residual."""
    return n_users - 1, n_seeds - 1, (n_users - 1) * (n_seeds - 1)


def _p_value(mean: float, squares: Sequence[float], shape: tuple[int, ...]) -> float:
    """Two-sided, from the mean squares of users, seeds and residual and a shape (seeds, users)."""
    error, freedom = _standard_error(squares, shape)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * float(stdtr(freedom, -abs(mean) / error))


def _standard_error(squares: Sequence[float], shape: tuple[int, ...]) -> tuple[float, float]:
    """Of the mean, and its degrees of freedom, from the same; those of 0 are infinite."""
    n_seeds, n_users = shape
    users, seeds, residual = (max(square, 0.0) for square in squares)
    least = residual * (1 + _ROUNDING)
    of_users, of_seeds = users > least or n_seeds == 1, seeds > least
    kept = users * of_users, seeds * of_seeds, residual * (of_users == of_seeds)
    total = kept[0] + kept[1] - kept[2] if of_users or of_seeds else residual
    if total == 0:
        return 0.0, math.inf
    terms = zip(kept, _freedom(n_seeds, n_users), strict=True)
    freedom = 1 / sum((square / total) ** 2 / its for square, its in terms if square)
    return math.sqrt(total / (n_seeds * n_users)), freedom
