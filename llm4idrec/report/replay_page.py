"""The page about a replay: what was served each night, what it was worth, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from os.path import relpath
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from llm4idrec.augmentation.arms import ORIGINAL
from llm4idrec.config import Config
from llm4idrec.metrics.significance import Comparison
from llm4idrec.replay.lines import (
    ALONE,
    CHALLENGER,
    CHAMPION,
    LINES,
    OWN_LINES,
    RETRAINED,
)
from llm4idrec.replay.night import Night
from llm4idrec.replay.replay import read_reports
from llm4idrec.replay.sentences import answer, decided, judged, kept
from llm4idrec.replay.totals import Totals
from llm4idrec.report.charts.charts import Line, line_chart
from llm4idrec.report.markup import figure, table
from llm4idrec.report.page import write_page
from llm4idrec.verdict.wording import interval, metric_name, p_cell, percent, recommender_name

TEMPLATE = Path(__file__).with_suffix(".html")
NAMES = {
    ORIGINAL: "no augmentation",
    RETRAINED: "trained anew each night",
    CHALLENGER: "each night's adapter",
    CHAMPION: "champion",
}
COLORS = {
    ORIGINAL: "var(--original)",
    RETRAINED: "var(--a2)",
    CHALLENGER: "var(--a5)",
    CHAMPION: "var(--yes)",
}


def write_replay_page(path: Path, out: Path, config: Config, *, checks: Path | None = None) -> None:
    """Write to `path` the page about the folder `out` of a replay with the parameters `config`.

    `checks` is the folder with pages about what was to hold of each window, if there will be one.
    """
    reports, metric = read_reports(out), config.evaluation.metric
    totals, name = Totals.of(out, reports), metric_name(metric)
    costs = [Night(out, number).costs() for number in range(len(reports))]
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(config.dataset),
        recommender=escape(recommender_name(config.recommenders[0])),
        metric=name,
        windows=len(reports),
        answer=escape(answer(totals, name)),
        kept=escape(kept(totals, reports)),
        judged=escape(judged(reports)),
        totals=_totals(totals, name),
        served=figure(f"{name} by window: who is served", _by_window(reports, LINES, name)),
        alone=figure(f"{name} by window: the models by themselves", _alone(reports, name)),
        costs=figure("Seconds a night", _cost_chart(costs)),
        drift=figure("What is new in each window", _drift(reports)),
        nights=_nights(reports),
        checks=_link(checks, path.parent) if checks else "",
    )
    write_page(path, f"Night after night: {config.dataset}", body)


def _totals(totals: Totals, metric: str) -> str:
    """Each line beside no augmentation, over all users."""
    head = ("", metric, "against no augmentation", "95 % interval", "p")
    lines = []
    for line in LINES:
        found = totals.beside(line, ORIGINAL) if line != ORIGINAL else None
        lines.append((NAMES[line], f"{totals.mean(line):.4f}", *_cells(found)))
    for line in OWN_LINES:
        words = f"{NAMES[line.removesuffix(ALONE)]}, by itself"
        found = totals.beside(line, ORIGINAL)
        lines.append((words, f"{totals.mean(line):.4f}", *_cells(found)))
    return table("", head, lines)


def _cells(found: Comparison | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    ends = interval(found.low, found.high) if found.low is not None else ""
    return percent(found.relative_gain), ends, p_cell(found.p_value)


def _by_window(
    reports: Sequence[Mapping[str, Any]], names: Sequence[str], metric: str, *, behind: str = ""
) -> str:
    lines = [
        Line(NAMES[name], _points(reports, name + behind), COLORS[name], marks=True)
        for name in names
    ]
    drawn = [line for line in lines if line.points]
    return line_chart(drawn, "window", metric) if drawn else ""


def _alone(reports: Sequence[Mapping[str, Any]], metric: str) -> str:
    return _by_window(reports, LINES[1:], metric, behind=ALONE)


def _points(reports: Sequence[Mapping[str, Any]], line: str) -> list[tuple[float, float]]:
    return [
        (float(number), report["lines"][line])
        for number, report in enumerate(reports, 1)
        if report["lines"]
    ]


def _cost_chart(costs: Sequence[Mapping[str, float]]) -> str:
    lines = [
        Line(
            NAMES[name],
            [(float(number), cost[name]) for number, cost in enumerate(costs, 1) if cost],
            COLORS[name],
            marks=True,
        )
        for name in (RETRAINED, CHALLENGER)
    ]
    return line_chart(lines, "window", "s") if any(costs) else ""


def _drift(reports: Sequence[Mapping[str, Any]]) -> str:
    named = {
        "new_users": ("new users", "var(--a1)"),
        "new_items": ("new items", "var(--a3)"),
        "popularity_drift": ("change of popularity", "var(--a4)"),
    }
    over = [(float(n), report) for n, report in enumerate(reports, 1) if report["is_over"]]
    lines = [
        Line(name, [(number, report[key]) for number, report in over], color)
        for key, (name, color) in named.items()
    ]
    return line_chart(lines, "window", "share")


def _nights(reports: Sequence[Mapping[str, Any]]) -> str:
    head = (
        "window", "rows", "users judged by", "items", "new items",
        *(NAMES[line] for line in LINES), "serves then", "what was decided",
    )  # fmt: skip
    lines = []
    for number, report in enumerate(reports, 1):
        lines.append(
            (
                f"{number}: {escape(report['window'])}",
                f"{report['rows']:,}" if report["is_over"] else "",
                f"{report['judged_users']:,}" if report["is_over"] else "",
                f"{report['known_items']:,}",
                f"{100 * report['items_came']:.1f} %",
                *(f"{report['lines'][line]:.4f}" if report["lines"] else "" for line in LINES),
                f"night {report['champion'] + 1}",
                escape(decided(report, number - 1)),
            )
        )
    return table("", head, lines)


def _link(checks: Path, here: Path) -> str:
    address = escape(quote(relpath(checks / "index.html", here)))
    return f'<p class="soft"><a href="{address}">Each window, check by check</a></p>'
