"""The data sets that a test compares, by their names in the evaluation's files."""

from __future__ import annotations

ORIGINAL = "original"
"""The train set as it is."""
LANGUAGE_MODEL = "augmented"
"""The train set with what the language model generated."""
COMPARED = (ORIGINAL, LANGUAGE_MODEL)


def is_control(variant: str) -> bool:
    """Whether what was added came from something in the language model's place."""
    return variant not in COMPARED
