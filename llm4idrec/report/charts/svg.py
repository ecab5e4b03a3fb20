"""Pieces of the report's charts; every colour comes from the page's CSS variables.

Charts are 360 units wide, a phone's width, so that their text stays readable there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 360
LETTER = 6.4
"""Width of a letter, on the safe side."""
ROW = 19
"""Height of a row of text."""
Point = tuple[float, float]
"""Across from the left, and down from the top."""


def chart(height: float, parts: Sequence[str], label: str) -> str:
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


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """`words` whose base line is `y` units down from the top.

    Their `anchor` (start, middle or end) is `x` units from the left; `kind` is a CSS class.
    """
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def rule(start: Point, end: Point, kind: str = "grid") -> str:
    """A line of the frame; `kind` is a CSS class."""
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(center: Point, color: str, title: str, *, radius: float = 4) -> str:
    """`title` is shown under the pointer."""
    x, y = center
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}">'
        f"<title>{escape(title)}</title></circle>"
    )


def bar(corner: Point, size: tuple[float, float], color: str, *, title: str = "") -> str:
    """A filled rectangle of this width and height; `corner` is its upper left one, `title` is shown
    under the pointer."""
    (x, y), (width, height) = corner, size
    told = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{color}">{told}</rect>'
    )
