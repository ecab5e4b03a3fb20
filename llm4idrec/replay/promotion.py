"""Which night's adapter serves: the champion stays until newer ones did better on what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import Comparison, compare
from llm4idrec.replay.lines import ALONE, CHALLENGER, CHAMPION, FORMER, RETRAINED
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL
from llm4idrec.verdict.wording import p_text, percent

NEW_BASE: Final = "new base"


@dataclass(frozen=True)
class Standing:
    """Numbers of the nights whose adapters these are."""

    champion: int
    former: int | None = None
    """The one before, for the first window after a promotion."""
    base: int = 0
    """The night whose base model adapters are tuned on."""


@dataclass(frozen=True)
class Decision:
    """What became of the champion, and why."""

    kind: Literal["first", "promoted", "refused", "rolled back", "new base"]
    night: int
    """Whose adapter, or base, is spoken of."""
    reason: str


class Since(NamedTuple):
    """The windows since something changed, together."""

    windows: int
    lines: Mapping[str, FloatArray]
    """Of each line the mean of each user's windows, (n,), the same users in all. `CHALLENGER` is
    another adapter each night."""


class Outcome(NamedTuple):
    """The decisions after a window, and what stands from then on."""

    decisions: list[Decision]
    standing: Standing


def decide(
    standing: Standing, night: int, *, window: Mapping[str, FloatArray], since: Since
) -> Outcome:
    """After a window, of which `window` has the metric of each line's users, (n,), the same ones in
    all; `since` has all windows since the champion serves, of `CHAMPION` and `CHALLENGER`.

    A champion that is significantly behind the one it replaced, in its first window, gives way to
    it. Then tonight's adapter becomes champion if the adapters of the nights were significantly
    ahead of it: a single window tells little. All by the paired test over users
    (`metrics.significance`).
    """
    decisions: list[Decision] = []
    if standing.former is not None:
        lead = paired(window[CHAMPION], window[FORMER])
        if _is_ahead(lead):
            reason = f"it is behind the one before: {_words(lead)}"
            decisions.append(Decision("rolled back", standing.champion, reason))
            standing = replace(standing, champion=standing.former, former=None)
            since = Since(1, {CHAMPION: window[FORMER], CHALLENGER: window[CHALLENGER]})
        elif lead is not None:
            standing = replace(standing, former=None)
    if night == standing.champion:
        return Outcome(decisions, standing)
    lead = paired(since.lines[CHAMPION], since.lines[CHALLENGER])
    reason = f"over {_windows(since)}, {_words(lead)}"
    if _is_ahead(lead):
        decisions.append(Decision("promoted", night, reason))
        return Outcome(decisions, replace(standing, champion=night, former=standing.champion))
    decisions.append(Decision("refused", night, reason))
    return Outcome(decisions, standing)


def renew(standing: Standing, night: int, since: Since) -> Outcome:
    """Whether the next night begins with a new base: if the models that are trained anew were
    significantly ahead of the adapters, both by themselves, over the windows `since` tonight's base
    was made."""
    lead = paired(since.lines[CHALLENGER + ALONE], since.lines[RETRAINED + ALONE])
    if not _is_ahead(lead):
        return Outcome([], standing)
    reason = f"over {_windows(since)}, adapters to models trained anew, {_words(lead)}"
    decision = Decision(NEW_BASE, night + 1, reason)
    return Outcome([decision], replace(standing, base=decision.night))


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


def _windows(since: Since) -> str:
    return "1 window" if since.windows == 1 else f"{since.windows} windows"


def _words(lead: Comparison | None) -> str:
    if lead is None:
        return "too few users came again to tell"
    gain = f"{lead.original:.4f} to {lead.augmented:.4f}"
    gain += f", {percent(lead.relative_gain)}" if lead.relative_gain is not None else ""
    return gain + (f", {p_text(lead.p_value)}" if lead.p_value is not None else "")
