"""Small SVG charts for the report; every colour comes from the page's CSS variables.

They are 360 units wide, a phone's width, so that their text stays readable there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH = 360
COLORS = ("var(--original)", "var(--a1)", "var(--a2)", "var(--a3)", "var(--a4)", "var(--a5)")


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
class Interval:
    """A value with the ends of its interval."""

    name: str
    low: float
    value: float
    high: float
    color: str


def line_chart(lines: Sequence[Line], x_label: str, y_label: str) -> str:
    """Lines over common axes; a legend names those that are not faint."""
    left, right, top, bottom, height = 46, 16, 24, 38, 230
    x_ticks = _ticks([x for line in lines for x, _ in line.points])
    y_ticks = _ticks([y for line in lines for _, y in line.points])

    def across(x: float) -> float:
        return _scaled(x, x_ticks, left, WIDTH - right)

    def up(y: float) -> float:
        return _scaled(y, y_ticks, height - bottom, top)

    parts = [_text(left - 40, 12, y_label)]
    for tick in y_ticks:
        parts.append(_rule(left, up(tick), WIDTH - right, up(tick)))
        parts.append(_text(left - 5, up(tick) + 4, f"{tick:g}", "end"))
    for tick in x_ticks:
        parts.append(_text(across(tick), height - bottom + 15, f"{tick:g}", "middle"))
    parts.append(_text((left + WIDTH - right) / 2, height - 6, x_label, "middle"))
    for line in sorted(lines, key=lambda line: not line.faint):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
        style = 'stroke-width="1" opacity="0.35"' if line.faint else 'stroke-width="2"'
        if not line.loose:
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{line.color}" {style}>'
                f"<title>{escape(line.name)}</title></polyline>"
            )
        if line.marks or line.loose:
            parts += [_dot(across(x), up(y), line.color, f"{x:g}: {y:.4f}") for x, y in line.points]
    keys = {line.name: line.color for line in lines if not line.faint}
    return _svg(height, parts, f"{y_label} by {x_label}") + _legend(keys)


def interval_chart(intervals: Sequence[Interval], label: str) -> str:
    """A row for each value, with zero marked; values are shares, shown in percent."""
    left, right, step = 84, 14, 22
    height = step * len(intervals) + 40
    ends = [end for i in intervals for end in (100 * i.low, 100 * i.high)]
    ticks = _ticks([0.0, *ends])

    def across(percent: float) -> float:
        return _scaled(percent, ticks, left, WIDTH - right)

    parts = [_rule(across(t), 4, across(t), height - 36, strong=t == 0) for t in ticks]
    parts += [_text(across(t), height - 22, f"{t:g}", "middle") for t in ticks]
    parts.append(_text((left + WIDTH - right) / 2, height - 6, label, "middle"))
    for place, i in enumerate(intervals):
        y = step * place + 16
        low, value, high = (across(100 * x) for x in (i.low, i.value, i.high))
        parts.append(_text(2, y + 4, i.name))
        parts.append(
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{i.color}" '
            'stroke-width="2.5" stroke-linecap="round"/>'
        )
        parts.append(_dot(value, y, i.color, f"{i.name}: {100 * i.value:+.1f} %"))
    return _svg(height, parts, label)


def bar_chart(bars: Sequence[tuple[str, float]], label: str, form: str = ",.0f") -> str:
    """A horizontal bar for each name and number, with the number in that format beside it."""
    step, left, right = 38, 2, 2
    largest = max((value for _, value in bars), default=1) or 1
    parts = []
    for place, (name, value) in enumerate(bars):
        y = step * place
        width = max(1.0, (WIDTH - left - right) * value / largest)
        parts.append(_text(left, y + 14, name))
        parts.append(_text(WIDTH - right, y + 14, f"{value:{form}}", "end"))
        parts.append(
            f'<rect x="{left}" y="{y + 19}" width="{width:.1f}" height="10" rx="2" '
            'fill="var(--a2)"/>'
        )
    return _svg(step * len(bars), parts, label)


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _legend(keys: dict[str, str]) -> str:
    items = (
        f'<li><i style="background:{color}"></i>{escape(name)}</li>' for name, color in keys.items()
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, *, strong: bool = False) -> str:
    kind = "zero" if strong else "grid"
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, color: str, title: str) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"><title>{escape(title)}</title>'
        "</circle>"
    )


def _scaled(value: float, ticks: Sequence[float], start: float, stop: float) -> float:
    return start + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (stop - start)


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, 4 to 8 of them, from below the smallest value to above the largest."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        margin = abs(low) / 10 or 1.0
        low, high = low - margin, high + margin
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    step = next(m * power for m in (5, 2, 1) if m * power <= (high - low) / 3 + 1e-12)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]
