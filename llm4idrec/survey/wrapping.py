"""Long lines of a table, for a terminal."""

from __future__ import annotations

import textwrap

_WIDTH = 100


def wrapped(line: str, indent: int = 10) -> str:
    """The line, broken where it is long; what goes on stands further in. Paths stay whole."""
    if len(line) <= _WIDTH:
        return line
    return textwrap.fill(
        line,
        _WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
