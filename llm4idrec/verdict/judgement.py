"""Which words follow from the figures: helps or harms, ahead or behind, or that it is open."""

from __future__ import annotations

from enum import StrEnum

from llm4idrec.config.recommenders import is_seeded
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow

SIGNIFICANCE_LEVEL = 0.05
"""A Holm-corrected p below this counts as a difference."""
WORTH_HAVING = 0.01
"""An interval within this relative gain of 0 on both sides rules out a difference worth having."""
FEWEST_SEEDS = 3
"""That both sides of a standing must have in common, where the seed means something."""


class Verdict(StrEnum):
    """What the numbers allow to say."""

    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference worth having"
    CANNOT_TELL = "cannot tell"
    NOTHING_CHOSEN = "nothing chosen"


class Standing(StrEnum):
    """Where the language model stands beside a control."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"
    TOO_FEW_SEEDS = "too few seeds"


def judge(row: Row) -> Verdict:
    """`nothing chosen`: at amount 0 there is nothing to judge. `no difference worth having`: the
    interval lies within `WORTH_HAVING` of 0. `helps` or `harms`: it lies above or below 0, and the
    corrected p below `SIGNIFICANCE_LEVEL`. Anything else leaves the question open."""
    low, high, p_value = row["ci_low"], row["ci_high"], row["p_value"]
    if row["amount"] == 0:
        return Verdict.NOTHING_CHOSEN
    if low is None or high is None or p_value is None:
        return Verdict.CANNOT_TELL
    if low >= -WORTH_HAVING and high <= WORTH_HAVING:
        return Verdict.NO_DIFFERENCE
    side = _side(low, high, p_value)
    return {1: Verdict.HELPS, -1: Verdict.HARMS}.get(side, Verdict.CANNOT_TELL)


def standing(row: SourceRow) -> Standing:
    """`ahead` or `behind`: the interval of the lead lies on one side of 0 and its corrected p is
    below `SIGNIFICANCE_LEVEL`. `level`: these data show no difference. Fewer common seeds than
    `FEWEST_SEEDS` have no standing."""
    low, high, p_value = row["lead_low"], row["lead_high"], row["lead_p_value"]
    if too_few_seeds(row["recommender"], row["n_seeds"]):
        return Standing.TOO_FEW_SEEDS
    if low is None or high is None or p_value is None:
        return Standing.LEVEL
    return {1: Standing.AHEAD, -1: Standing.BEHIND}.get(_side(low, high, p_value), Standing.LEVEL)


def too_few_seeds(recommender: str, n_seeds: int) -> bool:
    """Whether `n_seeds` common seeds are too few for a standing on that recommender."""
    return is_seeded(recommender) and n_seeds < FEWEST_SEEDS


def _side(low: float, high: float, p_value: float) -> int:
    """1 or -1: beyond chance above or below 0; 0: neither."""
    if p_value >= SIGNIFICANCE_LEVEL:
        return 0
    return int(low > 0) - int(high < 0)
