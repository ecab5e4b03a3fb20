"""The report's charts as SVG: lines, bars, and bars of shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from llm4idrec.report.charts.svg import (
    LETTER,
    WIDTH,
    bar,
    dot,
    legend,
    round_ticks,
    rule,
    scaled,
    svg,
    text,
    tick_text,
)

COLORS = ("var(--a1)", "var(--a2)", "var(--a3)", "var(--a4)", "var(--a5)")
ROW = 19
"""Height of a row of text."""


@dataclass(frozen=True)
class Line:
    """A named line through `points` (x, y); a `faint` one is thin; `marks` get a dot each, and
    `loose` ones no line."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str
    faint: bool = False
    marks: bool = False
    loose: bool = False


@dataclass(frozen=True)
class Bar:
    """A row: a number, and how it is written beside its bar."""

    name: str
    value: float
    note: str


@dataclass(frozen=True)
class Shares:
    """A row: parts that add up to 1, and what stands beside them."""

    name: str
    parts: Sequence[float]
    note: str


def line_chart(lines: Sequence[Line], x_label: str, y_label: str) -> str:
    """Lines over common axes; a legend names those that are not faint, and faint ones that share
    no colour with them."""
    left, right, top, bottom, height = 46, 16, 24, 38, 230
    x_ticks = round_ticks([x for line in lines for x, _ in line.points])
    y_ticks = round_ticks([y for line in lines for _, y in line.points])

    def across(x: float) -> float:
        return scaled(x, x_ticks, left, WIDTH - right)

    def up(y: float) -> float:
        return scaled(y, y_ticks, height - bottom, top)

    parts = [text(left - 40, 12, y_label)]
    for tick in y_ticks:
        parts.append(rule(left, up(tick), WIDTH - right, up(tick)))
        parts.append(text(left - 5, up(tick) + 4, tick_text(tick), "end"))
    for tick in x_ticks:
        parts.append(text(across(tick), height - bottom + 15, tick_text(tick), "middle"))
    parts.append(text((left + WIDTH - right) / 2, height - 6, x_label, "middle"))
    for line in sorted(lines, key=lambda line: not line.faint):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
        style = 'stroke-width="1" opacity="0.45"' if line.faint else 'stroke-width="2"'
        if not line.loose:
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{line.color}" {style}>'
                f"<title>{escape(line.name)}</title></polyline>"
            )
        if line.marks or line.loose:
            parts += [dot(across(x), up(y), line.color, f"{x:g}: {y:.4f}") for x, y in line.points]
    keys = {line.name: line.color for line in sorted(lines, key=lambda line: line.faint)}
    return svg(height, parts, f"{y_label} by {x_label}") + legend(keys)


def bar_chart(bars: Sequence[Bar], label: str) -> str:
    """A horizontal bar for each number, from 0."""
    largest = max((b.value for b in bars), default=1) or 1
    left = 8 + LETTER * max((len(b.name) for b in bars), default=0)
    right = WIDTH - 8 - LETTER * max((len(b.note) for b in bars), default=0)
    parts = []
    for place, b in enumerate(bars):
        y = ROW * place
        parts.append(text(0, y + 13, b.name))
        parts.append(text(WIDTH, y + 13, b.note, "end", "value"))
        width = max(1.0, (right - left) * b.value / largest)
        parts.append(bar(left, y + 4, width, ROW - 8, "var(--a2)", f"{b.name}: {b.note}"))
    return svg(max(ROW * len(bars), ROW), parts, label)


def share_chart(
    groups: Mapping[str, Sequence[Shares]], colors: Mapping[str, str], label: str, head: str
) -> str:
    """A row of parts side by side under its group's name; `colors` are the parts' names and
    colours, `head` stands above the notes."""
    left, right = 100, WIDTH - 48
    parts, y = [text(WIDTH, 11, head, "end")], 14.0
    for name, group in groups.items():
        for words in wrap(name, 50):
            parts.append(text(0, y + 14, words, kind="name"))
            y += ROW - 2
        y += 3
        for row in group:
            parts.append(text(0, y + 13, row.name))
            parts.append(text(WIDTH, y + 13, row.note, "end", "value"))
            x: float = left
            for part, share in zip(colors, row.parts, strict=True):
                width = (right - left) * share
                title = f"{row.name}, {part}: {100 * share:.0f} %"
                parts.append(bar(x, y + 2, width, ROW - 4, colors[part], title))
                x += width
            y += ROW
        y += 8
    return svg(y, parts, label) + legend(colors)
