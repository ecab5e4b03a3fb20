"""Pieces of the report's charts; every colour comes from the page's CSS variables.

Charts are 360 units wide, a phone's width, so that their text stays readable there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH = 360
LETTER = 6.4
"""Width of a letter, on the safe side."""


def svg(height: float, parts: Sequence[str], label: str) -> str:
    """A chart; `label` is what is read out in its place."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def legend(colors: Mapping[str, str]) -> str:
    """What each colour stands for; HTML below a chart."""
    items = (
        f'<li><i style="background:{color}"></i>{escape(name)}</li>'
        for name, color in colors.items()
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """`kind` is a CSS class."""
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    """A line of the frame; `kind` is a CSS class."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, color: str, title: str, radius: float = 4) -> str:
    """`title` is shown under the pointer."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}">'
        f"<title>{escape(title)}</title></circle>"
    )


def bar(x: float, y: float, width: float, height: float, color: str, title: str = "") -> str:
    """`title` is shown under the pointer."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{color}">{told}</rect>'
    )


def scaled(value: float, ticks: Sequence[float], start: float, stop: float) -> float:
    """Where on the way from `start` to `stop` the value is, on an axis with these ticks."""
    return start + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (stop - start)


def tick_text(tick: float) -> str:
    """With a true minus sign."""
    return f"{tick:g}".replace("-", "\N{MINUS SIGN}")


def round_ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, 4 to 8 of them, from below the smallest value to above the largest."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        margin = abs(low) / 10 or 1.0
        low, high = low - margin, high + margin
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    step = next(m * power for m in (5, 2, 1) if m * power <= (high - low) / 3 + 1e-12)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]
