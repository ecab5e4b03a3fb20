"""Which words follow from the figures: helps or harms, ahead or behind, or that it is open."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from llm4idrec.augmentation.arms import BASE_MODEL
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.variants import RIVALS

SIGNIFICANCE_LEVEL = 0.05
"""A Holm-corrected p below this counts as a difference."""
WORTH_HAVING = 0.01
"""An interval within this relative gain of 0 on both sides rules out a difference worth having."""
FEWEST_UNITS = 3
"""Seeds, or runs where these are fewer, that a standing takes."""


class Verdict(StrEnum):
    """What the numbers allow to say."""

    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference worth having"
    CANNOT_TELL = "cannot tell"
    NOTHING_CHOSEN = "nothing chosen"


class Standing(StrEnum):
    """Where the language model stands beside another arm."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"
    TOO_FEW_UNITS = "too few trainings"


class Need(StrEnum):
    """Whether what is gained takes a language model."""

    TAKES_ONE = "it takes a language model"
    ITS_BASE_DOES = "its base model does as well, nobody else"
    OTHERS_DO = "others do as well"
    CANNOT_TELL = "cannot tell whether it takes one"
    NO_HELP = "alone it is not seen to help"


def judge(row: Row | ArmRow) -> Verdict:
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


def standing(row: ArmRow) -> Standing:
    """`ahead` or `behind`: the interval of the lead lies on one side of 0 and its corrected p is
    below `SIGNIFICANCE_LEVEL`. `level`: these data show no difference. Fewer units than
    `FEWEST_UNITS` have no standing."""
    low, high, p_value = row["lead_low"], row["lead_high"], row["lead_p_value"]
    if units(row) < FEWEST_UNITS:
        return Standing.TOO_FEW_UNITS
    if low is None or high is None or p_value is None:
        return Standing.LEVEL
    return {1: Standing.AHEAD, -1: Standing.BEHIND}.get(_side(low, high, p_value), Standing.LEVEL)


def units(row: Row | ArmRow) -> int:
    """What a comparison with the language model counts beside users: runs of what generates where
    they are fewer than seeds, else seeds; seeds too if there was one run, of unknown luck."""
    return min(row["n_seeds"], row["n_runs"]) if row["n_runs"] > 1 else row["n_seeds"]


def need(rows: Sequence[ArmRow]) -> Need:
    """Whether it takes a language model; `rows` are of one recommender and metric, the first of
    them the language model's.

    It does if the language model alone helps, and is ahead of each of `RIVALS` alone. SASRec may be
    missing, for it needs a time; without another of them nobody can tell.
    """
    if judge(rows[0]) != Verdict.HELPS:
        return Need.NO_HELP
    found = {row["arm"]: standing(row) for row in rivals(rows)}
    as_well = {arm for arm, its in found.items() if its in (Standing.LEVEL, Standing.BEHIND)}
    if as_well - {BASE_MODEL}:
        return Need.OTHERS_DO
    missing = set(RIVALS) - set(found) - {"sasrec"}
    if missing or Standing.TOO_FEW_UNITS in found.values():
        return Need.CANNOT_TELL
    return Need.ITS_BASE_DOES if as_well else Need.TAKES_ONE


def rivals(rows: Sequence[ArmRow]) -> list[ArmRow]:
    """Those of `rows` that are of one of `RIVALS` alone, in their order there."""
    return [row for name in RIVALS for row in rows if row["arm"] == name]


def _side(low: float, high: float, p_value: float) -> int:
    """1 or -1: beyond chance above or below 0; 0: neither."""
    if p_value >= SIGNIFICANCE_LEVEL:
        return 0
    return int(low > 0) - int(high < 0)
