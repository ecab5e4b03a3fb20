"""Which words follow from the figures: helps or not, ahead or behind."""

from __future__ import annotations

from enum import StrEnum

from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow

SIGNIFICANCE_LEVEL = 0.05
"""A Holm-corrected p below this counts as a difference."""
SMALLEST_GAIN = 0.01
"""An interval that ends below this relative gain rules out a gain worth having."""


class Verdict(StrEnum):
    """What the numbers allow to say."""

    HELPS = "helps"
    DOES_NOT_HELP = "does not help"
    CANNOT_TELL = "cannot tell"


class Standing(StrEnum):
    """Where the language model stands beside a control."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"


def judge(row: Row) -> Verdict:
    """`helps`: the interval lies above 0 and the corrected p below `SIGNIFICANCE_LEVEL`.
    `does not help`: it ends below `SMALLEST_GAIN`. Anything else leaves the question open."""
    low, high = row["ci_low"], row["ci_high"]
    if low is None or high is None:
        return Verdict.CANNOT_TELL
    if low > 0 and row["p_value"] < SIGNIFICANCE_LEVEL:
        return Verdict.HELPS
    return Verdict.DOES_NOT_HELP if high < SMALLEST_GAIN else Verdict.CANNOT_TELL


def standing(row: SourceRow) -> Standing:
    """`ahead` or `behind`: the interval of the lead lies on one side of 0 and its corrected p is
    below `SIGNIFICANCE_LEVEL`. Anything else is `level`: these data show no difference."""
    low, high, p_value = row["lead_low"], row["lead_high"], row["lead_p_value"]
    if low is None or high is None or p_value is None or p_value >= SIGNIFICANCE_LEVEL:
        return Standing.LEVEL
    if low > 0:
        return Standing.AHEAD
    return Standing.BEHIND if high < 0 else Standing.LEVEL
