"""What the report says first: what to serve."""

from __future__ import annotations

from html import escape

from llm4idrec.report.markup import details, table
from llm4idrec.verdict.bottom_line import BottomLine, System
from llm4idrec.verdict.tables import SHOWN
from llm4idrec.verdict.wording import metric_name, system_names, value_interval


def systems(found: BottomLine) -> str:
    """The best as a table, and behind a click the others."""
    lines = list(map(_line, system_names(found["systems"]), found["systems"]))
    told, rest = table("", _head(found), lines[:SHOWN]), lines[SHOWN:]
    if not rest:
        return told
    return told + details(f"{len(rest)} more", table("", _head(found), rest))


def _head(found: BottomLine) -> tuple[str, ...]:
    metric = metric_name(found["metric"])
    return "", f"{metric} on validation", "on test, 95 % interval", "language model"


def _line(name: str, system: System) -> tuple[str, ...]:
    spread = value_interval(system["test_low"], system["test_high"])
    return (
        escape(name),
        f"{system['validation']:.4f}",
        f"<b>{system['test']:.4f}</b><small>{spread}</small>",
        "yes" if system["uses_language_model"] else "",
    )
