"""What a trial gave beside where the search began."""

from __future__ import annotations


def gain(value: float | None, baseline: float | None) -> float | None:
    """Relative to `baseline`; None where either is not known."""
    return value / baseline - 1 if value is not None and baseline else None
