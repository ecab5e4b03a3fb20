"""Charts say with coordinates what they were given as numbers."""

from __future__ import annotations

import math
import re

import pytest

from llm4idrec.report.charts.charts import Bar, Line, Shares, bar_chart, line_chart, share_chart
from llm4idrec.report.charts.forest import LEFT, LIGHT, RIGHT, STRONG, Interval, forest_chart
from llm4idrec.report.charts.svg import WIDTH
from tests.llm4idrec.report.html_page import Page

NONE = ("", "")
HEADS = ("gain", "users")


def numbers(svg: str, tag: str, *names: str) -> list[tuple[float, ...]]:
    """These attributes of every such tag without a class."""
    found = (
        dict(re.findall(r'([\w-]+)="([^"]*)"', tags))
        for tags in re.findall(rf"<{tag} ([^>]*)>", svg)
    )
    return [tuple(float(its[n]) for n in names) for its in found if "class" not in its]


def coordinates(svg: str) -> list[float]:
    names = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width"}
    page = Page(svg)
    found = [float(value) for name, value in page.values if name in names]
    for name, value in page.values:
        if name == "points":
            found += [float(number) for pair in value.split() for number in pair.split(",")]
    return found


def across(percent: float, low: float, high: float) -> float:
    """Where a forest chart draws it, on an axis from `low` to `high`."""
    return LEFT + (percent - low) / (high - low) * (RIGHT - LEFT)


@pytest.mark.parametrize(
    "values",
    [[0.0], [0.3, 0.3], [1e-5, 2e-5], [-3.0, 0.2], [1e5, 3e5], [0.1 + k / 1000 for k in range(9)]],
)
def test_charts_stay_in_their_frame(values: list[float]) -> None:
    rows = [Interval("a", v - 0.1, v, v + 0.1, NONE) for v in values]
    charts = [
        line_chart([Line("a", list(enumerate(values)), "red", marks=True)], "x", "y"),
        forest_chart({"b": rows}, "gain", HEADS),
        bar_chart([Bar("a", abs(v), "b") for v in values], "count"),
    ]
    for svg in charts:
        height = float(re.findall(r'viewBox="0 0 360 (\d+)', svg)[0])
        found = coordinates(svg)
        assert found
        assert all(math.isfinite(n) and 0 <= n <= max(WIDTH, height) for n in found)


def test_line_chart_keeps_proportions() -> None:
    svg = line_chart([Line("a", [(0, 0.0), (5, 1.0), (10, 2.0)], "red")], "x", "y")
    (points,) = (value for name, value in Page(svg).values if name == "points")
    (x0, y0), (x1, y1), (x2, y2) = (map(float, pair.split(",")) for pair in points.split())
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y2 < y0


def test_forest_chart_draws_values_and_their_intervals() -> None:
    """The axis goes from -10 to 20, in steps of 5."""
    rows = [
        Interval("own", 0.05, 0.1, 0.15, ("+10.0 %", "")),
        Interval("other", -0.1, 0.0, 0.2, ("0.0 %", "level"), strong=False),
    ]
    svg = forest_chart({"MF": rows}, "gain, %", HEADS)
    ends = numbers(svg, "line", "x1", "x2")
    assert ends == [
        pytest.approx((across(5, -10, 20), across(15, -10, 20)), abs=0.1),
        pytest.approx((across(-10, -10, 20), across(20, -10, 20)), abs=0.1),
    ]
    dots = numbers(svg, "circle", "cx")
    assert dots == [pytest.approx((across(v, -10, 20),), abs=0.1) for v in (10, 0)]
    (zero,) = re.findall(r'class="zero" x1="([\d.]+)"', svg)
    assert float(zero) == pytest.approx(across(0, -10, 20), abs=0.1)
    assert Page(svg).text == (
        "gain users \N{MINUS SIGN}10 \N{MINUS SIGN}5 0 5 10 15 20 gain, % MF own +10.0 % "
        "own: +10.0 % other 0.0 % level other: +0.0 %"
    )


def test_only_a_strong_row_among_light_ones_casts_its_interval() -> None:
    strong = Interval("own", 0.1, 0.15, 0.2, NONE)
    light = Interval("other", 0.0, 0.1, 0.2, NONE, strong=False)
    shades = numbers(forest_chart({"a": [strong, light]}, "", HEADS), "rect", "x", "width")
    assert shades == [
        pytest.approx((across(10, 0, 20), across(20, 0, 20) - across(10, 0, 20)), abs=0.1)
    ]
    assert numbers(forest_chart({"a": [strong, strong]}, "", HEADS), "rect", "x") == []
    svg = forest_chart({"a": [strong, light]}, "", HEADS)
    assert svg.count(f'stroke="{STRONG}"') == svg.count(f'stroke="{LIGHT}"') == 1


def test_forest_chart_without_values() -> None:
    svg = forest_chart({"a": [Interval("b", None, None, None, ("n/a", ""))]}, "gain", HEADS)
    assert "b n/a" in Page(svg).text
    assert "circle" not in svg
    assert "svg" in Page(forest_chart({}, "gain", HEADS)).tags


def test_bars_are_as_long_as_their_numbers() -> None:
    svg = bar_chart([Bar("a", 4, "4 s"), Bar("b", 1, "1 s"), Bar("c", 0, "0 s")], "time")
    widths = [width for (width,) in numbers(svg, "rect", "width")]
    assert widths[1] == pytest.approx(widths[0] / 4, abs=0.1)
    assert widths[2] == 1  # to be seen
    assert Page(svg).text == "a 4 s a: 4 s b 1 s b: 1 s c 0 s c: 0 s"
    assert "svg" in Page(bar_chart([], "time")).tags


def test_shares_lie_end_to_end() -> None:
    rows = [Shares("own", [0.5, 0.25, 0.25], "×2")]
    svg = share_chart(
        {"added": rows}, {"x": "red", "y": "green", "z": "blue"}, label="shares", head="mean"
    )
    (x, first), (y, second), (z, third) = numbers(svg, "rect", "x", "width")
    assert first == pytest.approx(2 * second, abs=0.1)
    assert y == pytest.approx(x + first, abs=0.1)
    assert z == pytest.approx(y + second, abs=0.1)
    assert second == third
    assert "own ×2 own, x: 50 % own, y: 25 % own, z: 25 %" in Page(svg).text


def test_names_in_charts_are_escaped() -> None:
    hostile = '<b>"&'
    row = Interval(hostile, 0.0, 0.1, 0.2, (hostile, hostile))
    for svg in (
        line_chart([Line(hostile, [(0, 0.0), (1, 1.0)], "red", marks=True)], hostile, hostile),
        forest_chart({hostile: [row]}, hostile, (hostile, hostile)),
        bar_chart([Bar(hostile, 1, hostile)], hostile),
        share_chart(
            {hostile: [Shares(hostile, [1.0], hostile)]},
            {hostile: "red"},
            label=hostile,
            head=hostile,
        ),
    ):
        page = Page(svg)
        assert "b" not in page.tags
        assert ("aria-label", hostile) in page.values or hostile in dict(page.values)["aria-label"]
        assert hostile in page.text
