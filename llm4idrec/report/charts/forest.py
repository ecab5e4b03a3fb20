"""A forest chart as SVG: values with their intervals, in groups, beside a line at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llm4idrec.report.charts.svg import (
    LETTER,
    WIDTH,
    bar,
    dot,
    round_ticks,
    rule,
    scaled,
    svg,
    text,
    tick_text,
)

ROW, HEAD, FOOT, GAP = 19, 20, 36, 8
LEFT, RIGHT, SECOND = 100, WIDTH - 108, WIDTH - 54
STRONG, LIGHT = "var(--model)", "var(--control)"


@dataclass(frozen=True)
class Interval:
    """A row: a relative difference, the ends of its interval; None where it would divide by 0."""

    name: str
    low: float | None
    value: float | None
    high: float | None
    notes: tuple[str, str]
    """What stands in two columns to the right."""
    strong: bool = True


def forest_chart(
    groups: Mapping[str, Sequence[Interval]], label: str, heads: tuple[str, str]
) -> str:
    """The rows of a group stand under its name; differences are shown in percent.

    Strong rows cast their interval over the light ones of their group. `heads` stand above the
    columns of notes.
    """
    rows = [row for group in groups.values() for row in group]
    ends = [100 * end for row in rows for end in (row.low, row.high) if end is not None]
    ticks = round_ticks([0.0, *ends])
    height = HEAD + ROW * (len(rows) + len(groups)) + GAP * len(groups) + FOOT

    def across(ratio: float) -> float:
        return scaled(100 * ratio, ticks, LEFT, RIGHT)

    parts = [text(SECOND, 11, heads[0], "end"), text(WIDTH, 11, heads[1], "end")]
    widest = LETTER * max(len(tick_text(tick)) for tick in ticks)
    every = 1 + int(widest // ((RIGHT - LEFT) / len(ticks)))
    for place, tick in enumerate(ticks, -ticks.index(0)):
        x = across(tick / 100)
        parts.append(rule(x, HEAD, x, height - FOOT, "grid" if tick else "zero"))
        if place % every == 0:
            parts.append(text(x, height - FOOT + 14, tick_text(tick), "middle"))
    parts.append(text((LEFT + RIGHT) / 2, height - 5, label, "middle"))
    y = float(HEAD)
    for name, group in groups.items():
        parts += _group(name, group, y, across)
        y += ROW * (1 + len(group)) + GAP
    return svg(height, parts, label)


def _group(
    name: str, group: Sequence[Interval], top: float, across: Callable[[float], float]
) -> list[str]:
    parts = [text(0, top + 14, name, kind="name")]
    mixed = not all(row.strong for row in group)
    for row in group:
        if mixed and row.strong and row.low is not None and row.high is not None:
            low, high = across(row.low), across(row.high)
            shade = bar(low, top + ROW, high - low, ROW * len(group), STRONG)
            parts.append(f'<g class="shade">{shade}</g>')
    for place, row in enumerate(group, 1):
        parts += _row(row, top + ROW * place, across)
    return parts


def _row(row: Interval, top: float, across: Callable[[float], float]) -> list[str]:
    kind, y = "value" if row.strong else "", top + 13
    parts = [
        text(0, y, row.name, kind=kind),
        text(SECOND, y, row.notes[0], "end", kind),
        text(WIDTH, y, row.notes[1], "end"),
    ]
    if row.low is None or row.value is None or row.high is None:
        return parts
    color, middle = (STRONG if row.strong else LIGHT), top + ROW / 2
    low, high = across(row.low), across(row.high)
    parts.append(
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" '
        f'stroke="{color}" stroke-width="{3 if row.strong else 2}" stroke-linecap="round"/>'
    )
    title = f"{row.name}: {100 * row.value:+.1f} %"
    parts.append(dot(across(row.value), middle, color, title, 4.5 if row.strong else 3.5))
    return parts
