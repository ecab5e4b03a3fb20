"""Which line of the table of what to serve is meant, and who has to propose items for it."""

from __future__ import annotations

from llm4idrec.augmentation.arms import (
    LANGUAGE_MODEL,
    ORIGINAL,
    SELF,
    is_fused,
    source_of,
    unfused,
)
from llm4idrec.errors import InputError
from llm4idrec.verdict.bottom_line import EASE, BottomLine, System

BEST, WITHOUT = "best", "without-language-model"
"""What validation chose, and what it chose among those that need no language model."""


def choose(found: BottomLine, what: str) -> System:
    """`BEST`, `WITHOUT`, or a name: of a recommender the best on validation of what is that
    recommender and nothing else, trained with or without added items; of what generates its own
    ranking. Raises `InputError` if there is none."""
    systems = found["systems"]
    if what == BEST:
        return systems[0]
    if what == WITHOUT:
        if found["best_without"] is None:
            raise InputError("everything that ranks uses a language model", remedy=f"serve {BEST}")
        return systems[found["best_without"]]
    alone = [system for system in systems if not is_fused(system["variant"])]
    its = [s for s in alone if s["recommender"] == what]
    its += [s for s in alone if s["recommender"] is None and s["variant"] == what]
    if not its:
        named = dict.fromkeys(s["recommender"] or s["variant"] for s in alone)
        expected = ", ".join([BEST, WITHOUT, *named])
        raise InputError(f"there is nothing to serve named {what!r}", f"one of {expected}")
    return its[0]


def arm_of(system: System) -> str:
    """Whose items are added; `ORIGINAL`: nobody's. Of what ranks by itself, who that is."""
    return unfused(system["variant"])


def proposing(system: System) -> tuple[str, ...]:
    """Who proposes items for it, or ranks, but for the recommender itself."""
    arm = arm_of(system)
    source = () if arm == ORIGINAL or source_of(arm) == SELF else (source_of(arm),)
    return tuple(dict.fromkeys((*source, *([EASE] if is_fused(system["variant"]) else []))))


def needs_adapter(system: System) -> bool:
    """Whether the tuned language model is among those."""
    return LANGUAGE_MODEL in proposing(system)
