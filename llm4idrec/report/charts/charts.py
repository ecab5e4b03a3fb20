"""The report's charts as SVG: lines, bars, and bars of shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from llm4idrec.report.charts import svg
from llm4idrec.report.charts.axis import Axis, tick_text
from llm4idrec.report.charts.svg import LETTER, ROW, WIDTH

COLORS = ("var(--a1)", "var(--a2)", "var(--a3)", "var(--a4)", "var(--a5)")


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
    across = Axis.over([x for line in lines for x, _ in line.points], left, WIDTH - right)
    up = Axis.over([y for line in lines for _, y in line.points], height - bottom, top)
    parts = [svg.text(left - 40, 12, y_label)]
    for tick in up.ticks:
        y = up.at(tick)
        parts.append(svg.rule((left, y), (WIDTH - right, y)))
        parts.append(svg.text(left - 5, y + 4, tick_text(tick), anchor="end"))
    for tick in across.ticks:
        x, below = across.at(tick), height - bottom + 15
        parts.append(svg.text(x, below, tick_text(tick), anchor="middle"))
    parts.append(svg.text((left + WIDTH - right) / 2, height - 6, x_label, anchor="middle"))
    for line in sorted(lines, key=lambda line: not line.faint):
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line.points)
        style = 'stroke-width="1" opacity="0.45"' if line.faint else 'stroke-width="2"'
        if not line.loose:
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{line.color}" {style}>'
                f"<title>{escape(line.name)}</title></polyline>"
            )
        if line.marks or line.loose:
            parts += [
                svg.dot((across.at(x), up.at(y)), line.color, f"{x:g}: {y:.4f}")
                for x, y in line.points
            ]
    keys = {line.name: line.color for line in sorted(lines, key=lambda line: line.faint)}
    return svg.chart(height, parts, f"{y_label} by {x_label}") + svg.legend(keys)


def bar_chart(bars: Sequence[Bar], label: str) -> str:
    """A horizontal bar for each number, from 0."""
    largest = max((b.value for b in bars), default=1) or 1
    left = 8 + LETTER * max((len(b.name) for b in bars), default=0)
    right = WIDTH - 8 - LETTER * max((len(b.note) for b in bars), default=0)
    parts = []
    for place, b in enumerate(bars):
        y = ROW * place
        parts += _name_and_note(b.name, b.note, y)
        size = max(1.0, (right - left) * b.value / largest), ROW - 8
        parts.append(svg.bar((left, y + 4), size, "var(--a2)", title=f"{b.name}: {b.note}"))
    return svg.chart(max(ROW * len(bars), ROW), parts, label)


def share_chart(
    groups: Mapping[str, Sequence[Shares]], colors: Mapping[str, str], *, label: str, head: str
) -> str:
    """A row of parts side by side under its group's name; `colors` are the parts' names and
    colours, `head` stands above the notes."""
    left, right = 100, WIDTH - 48
    parts, y = [svg.text(WIDTH, 11, head, anchor="end")], 14.0
    for name, group in groups.items():
        for words in wrap(name, 50):
            parts.append(svg.text(0, y + 14, words, kind="name"))
            y += ROW - 2
        y += 3
        for row in group:
            parts += _name_and_note(row.name, row.note, y)
            x: float = left
            for part, share in zip(colors, row.parts, strict=True):
                width = (right - left) * share
                title = f"{row.name}, {part}: {100 * share:.0f} %"
                parts.append(svg.bar((x, y + 2), (width, ROW - 4), colors[part], title=title))
                x += width
            y += ROW
        y += 8
    return svg.chart(y, parts, label) + svg.legend(colors)


def _name_and_note(name: str, note: str, top: float) -> list[str]:
    """A row's words, at its left and right end."""
    at = top + 13
    return [svg.text(0, at, name), svg.text(WIDTH, at, note, anchor="end", kind="value")]
