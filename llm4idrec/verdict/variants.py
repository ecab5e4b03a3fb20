"""What a test compares, by the names in the files of evaluations and rankings."""

from __future__ import annotations

from llm4idrec.augmentation.arms import (
    BASE_MODEL,
    LANGUAGE_MODEL,
    has_ease,
    source_of,
    unfused,
)

RIVALS = ("svd", BASE_MODEL, "sasrec")
"""What the tuned language model has to beat to be called for: a linear model, the same model
untuned, and a transformer without a language model."""


def is_control(arm: str) -> bool:
    """Whether it is another arm than the language model alone."""
    return arm != LANGUAGE_MODEL


def uses_language_model(variant: str) -> bool:
    """Whether a language model, tuned or not, proposes items in it."""
    return source_of(unfused(variant)) in (LANGUAGE_MODEL, BASE_MODEL)


def grouped(arms: list[str]) -> list[str]:
    """Those that are alone, then those together with EASE; each in the order given."""
    return sorted(arms, key=has_ease)
