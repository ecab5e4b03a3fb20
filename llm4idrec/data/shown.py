"""Texts of a file in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def shown(text: str) -> str:
    """The text in quotation marks on one line, cut where it is long."""
    return repr(text if len(text) <= 80 else f"{text[:80]}...")


def listed(texts: Sequence[str]) -> str:
    """The first of them, parted by commas."""
    return ", ".join([*map(shown, texts[:20]), *(["..."] if len(texts) > 20 else [])])
