"""Which night's adapter serves: the champion stays until another was better on what came next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import Comparison, compare
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL
from llm4idrec.verdict.wording import p_text, percent

CHAMPION, CHALLENGER, FORMER = "champion", "adapter", "former champion"
"""Lines: who serves; tonight's; and whom the champion replaced a night ago."""


@dataclass(frozen=True)
class Standing:
    """Numbers of the nights whose adapters these are."""

    champion: int
    former: int | None = None
    """The one before, for the first window after a promotion."""


@dataclass(frozen=True)
class Decision:
    """What became of the champion, and why."""

    kind: Literal["first", "promoted", "refused", "rolled back", "nothing new"]
    night: int
    """Whose adapter is spoken of."""
    reason: str


class Outcome(NamedTuple):
    """The decisions after a window, and who serves from then on."""

    decisions: list[Decision]
    standing: Standing


def decide(standing: Standing, night: int, found: Mapping[str, FloatArray]) -> Outcome:
    """After a window: `found` has the metric of each line's users, (n,), the same ones in all.

    A champion that is significantly behind the one it replaced, in its first window, gives way to
    it. Then tonight's adapter becomes champion if it is significantly ahead of it. Both go by the
    paired test over users (`metrics.significance`).
    """
    champion, decisions = CHAMPION, []
    if standing.former is not None:
        lead = paired(found[CHAMPION], found[FORMER])
        if _is_ahead(lead):
            reason = f"it is behind the one before: {_words(lead)}"
            decisions.append(Decision("rolled back", standing.champion, reason))
            standing, champion = Standing(standing.former), FORMER
        else:
            standing = Standing(standing.champion)
    if night in (standing.champion, standing.former):
        return Outcome(decisions, standing)
    lead = paired(found[champion], found[CHALLENGER])
    if _is_ahead(lead):
        decisions.append(Decision("promoted", night, _words(lead)))
        return Outcome(decisions, Standing(night, former=standing.champion))
    decisions.append(Decision("refused", night, _words(lead)))
    return Outcome(decisions, standing)


def paired(rival: FloatArray, own: FloatArray) -> Comparison | None:
    """`own` beside `rival`, a value a user, (n,) both; None with fewer than two users."""
    if len(own) < 2:
        return None
    # The test wants seeds. Trainings of one seed are compared, as where it means nothing.
    return compare(np.tile(rival, (2, 1)), np.tile(own, (2, 1)))


def _is_ahead(lead: Comparison | None) -> bool:
    """Significantly."""
    if lead is None or lead.p_value is None:
        return False
    return lead.augmented > lead.original and lead.p_value < SIGNIFICANCE_LEVEL


def _words(lead: Comparison | None) -> str:
    if lead is None:
        return "too few users came again to tell"
    gain = f"{lead.original:.4f} to {lead.augmented:.4f}"
    gain += f", {percent(lead.relative_gain)}" if lead.relative_gain is not None else ""
    return gain + (f", {p_text(lead.p_value)}" if lead.p_value is not None else "")
