"""What was to hold of the windows of a replay, as data for whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm4idrec.data.expectations import Suite, Validation
from llm4idrec.data.source import Source
from llm4idrec.replay.measure import Measure
from llm4idrec.replay.night import CHECKS
from llm4idrec.replay.replay import read_reports


def replay_validation(out: Path) -> Validation:
    """A suite for each window that is over, in their order, of the folder that `replay` wrote; it
    stops nobody.

    The checks are those by which each night decided, when it was lived. One fails in each window
    that was refused, and else only in one that was accepted by name, which its suite says.
    """
    over = [report for report in read_reports(out) if report["is_over"]]
    suites = [_suite(number, report, out) for number, report in enumerate(over, 1)]
    refused = sum(bool(report["refused"]) for report in over)
    return Validation(suites, {"windows": len(over), "windows_refused": refused}, stops=False)


def _suite(number: int, report: Mapping[str, Any], out: Path) -> Suite:
    import pandas as pd  # who shows it by Great Expectations has it; the library does without

    measures = [Measure(**check) for check in report[CHECKS]]
    fails = not all(measure.is_plausible for measure in measures)
    became = "" if not fails else " refused" if report["refused"] else " accepted by name"
    checks = [measure.check(description=_sentence(measure)) for measure in measures]
    values = pd.DataFrame({measure.name: [measure.value] for measure in measures})
    return Suite(f"{number:03d} {report['window']}{became}", Source(out), values, checks)


def _sentence(measure: Measure) -> str:
    return f"{measure.sentence}; expected {measure.expected}"
