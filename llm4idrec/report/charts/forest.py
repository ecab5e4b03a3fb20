"""A forest chart as SVG: values with their intervals, in groups, beside a line at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llm4idrec.report.charts import svg
from llm4idrec.report.charts.axis import Axis, tick_text
from llm4idrec.report.charts.svg import LETTER, ROW, WIDTH

HEAD, FOOT, GAP = 20, 36, 8
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
    axis = Axis.over([0.0, *ends], LEFT, RIGHT)
    height = HEAD + ROW * (len(rows) + len(groups)) + GAP * len(groups) + FOOT

    def across(ratio: float) -> float:
        return axis.at(100 * ratio)

    columns = zip((SECOND, WIDTH), heads, strict=True)
    parts = [svg.text(x, 11, head, anchor="end") for x, head in columns]
    parts += _frame(axis, height - FOOT)
    parts.append(svg.text((LEFT + RIGHT) / 2, height - 5, label, anchor="middle"))
    y = float(HEAD)
    for name, group in groups.items():
        parts += _group(name, group, top=y, across=across)
        y += ROW * (1 + len(group)) + GAP
    return svg.chart(height, parts, label)


def _frame(axis: Axis, bottom: float) -> list[str]:
    """A line for each tick, the one at 0 set off, and as many numbers as have room."""
    parts = []
    widest = LETTER * max(len(tick_text(tick)) for tick in axis.ticks)
    every = 1 + int(widest // ((RIGHT - LEFT) / len(axis.ticks)))
    for place, tick in enumerate(axis.ticks, -axis.ticks.index(0)):
        x = axis.at(tick)
        parts.append(svg.rule((x, HEAD), (x, bottom), "grid" if tick else "zero"))
        if place % every == 0:
            parts.append(svg.text(x, bottom + 14, tick_text(tick), anchor="middle"))
    return parts


def _group(
    name: str, group: Sequence[Interval], *, top: float, across: Callable[[float], float]
) -> list[str]:
    parts = [svg.text(0, top + 14, name, kind="name")]
    mixed = not all(row.strong for row in group)
    for row in group:
        if mixed and row.strong and row.low is not None and row.high is not None:
            low, high = across(row.low), across(row.high)
            shade = svg.bar((low, top + ROW), (high - low, ROW * len(group)), STRONG)
            parts.append(f'<g class="shade">{shade}</g>')
    for place, row in enumerate(group, 1):
        parts += _row(row, top + ROW * place, across)
    return parts


def _row(row: Interval, top: float, across: Callable[[float], float]) -> list[str]:
    kind, y = "value" if row.strong else "", top + 13
    parts = [
        svg.text(0, y, row.name, kind=kind),
        svg.text(SECOND, y, row.notes[0], anchor="end", kind=kind),
        svg.text(WIDTH, y, row.notes[1], anchor="end"),
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
    radius = 4.5 if row.strong else 3.5
    parts.append(svg.dot((across(row.value), middle), color, title, radius=radius))
    return parts
