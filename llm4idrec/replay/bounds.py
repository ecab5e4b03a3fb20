"""What tonight may be, by the nights before: bounds from their own spread."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri, stdtrit

from llm4idrec.data.interactions import LongArray

NIGHTS = 8
"""Nights that are looked back on: of a seasonal business a week and a day, or two months of weeks;
older ones say little of today."""
FEWEST = 3
"""Nights below which nothing is said: two tell no spread."""
LEVEL = 0.999
"""Share of ordinary nights on the right side of a bound, were they normal. Two nights in a
thousand are little beside a replay's dozens, and steady nights have close bounds all the same."""
VOLUME_CHANGE = 1.5
"""Factor by which the volume may always change: a fall by a third, or a rise by half. Weeks of one
shop differ by a fifth, and half of a file is to be found."""
LARGEST_CHANGE = 20.0
"""Factor by which it may never change: three nights that differ much would else allow anything."""


def volume_bounds(rows: LongArray) -> tuple[float, float] | None:
    """The fewest and the most rows that are plausible after nights of `rows`, of shape (nights,).

    They are those of a prediction by Student's t from the logarithms, which holds also where the
    spread is known from three nights only, and not closer than counts vary by chance (Poisson).
    None where there are fewer nights than `FEWEST`.
    """
    logs = np.log(rows[-NIGHTS:] + 1.0)
    if len(logs) < FEWEST:
        return None
    by_chance = ndtri(LEVEL) * np.sqrt((1 + 1 / len(logs)) / np.exp(logs.mean()))
    reach = max(_reach(logs), float(by_chance), np.log(VOLUME_CHANGE))
    reach = min(reach, np.log(LARGEST_CHANGE))
    low, high = np.exp(logs.mean() + np.array([-reach, reach])) - 1
    return max(float(low), 0.0), float(high)


def highest_share(rows: LongArray, of_rows: LongArray, margin: float) -> float | None:
    """The largest plausible share after nights with `rows` of `of_rows`, each of shape (nights,).

    At least the mean share and `margin` of what is left to 1. None where fewer nights than
    `FEWEST` have any row.
    """
    some = np.flatnonzero(of_rows)[-NIGHTS:]
    if len(some) < FEWEST:
        return None
    # Half a row more on either side, for shares of 0 and 1 have no logit.
    odds = logit((rows[some] + 0.5) / (of_rows[some] + 1.0))
    mean = float((rows[some] / of_rows[some]).mean())
    return max(float(expit(odds.mean() + _reach(odds))), mean + margin * (1 - mean))


def _reach(values: npt.NDArray[np.float64]) -> float:
    """How far from the mean of `values` one more of their kind may lie."""
    n = len(values)
    return float(stdtrit(n - 1, LEVEL) * values.std(ddof=1) * np.sqrt(1 + 1 / n))
