"""A replay in sentences: what it was worth, what it cost, what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm4idrec.augmentation.arms import ORIGINAL
from llm4idrec.replay.lines import CHAMPION
from llm4idrec.replay.promotion import NEW_BASE
from llm4idrec.replay.replay import TONIGHT, read_reports
from llm4idrec.replay.totals import Totals
from llm4idrec.verdict.wording import interval, metric_name, percent

Reports = Sequence[Mapping[str, Any]]


def told(out: Path, page: Path, *, metric: str) -> Iterator[str]:
    """What a person is told at the end of a replay in the folder `out`: the answer, every window
    that was refused, every change of who serves, and where to look."""
    reports = read_reports(out)
    totals = Totals.of(out, reports)
    yield " ".join([answer(totals, metric_name(metric)), kept(totals, reports), judged(reports)])
    for number, report in enumerate(reports):
        kinds = {decision["kind"] for decision in report["decisions"]}
        if report["refused"] or kinds - {"first", "refused"}:
            yield f"night {number + 1}, {report['window']}: {decided(report, number)}"
    yield f"{page}: all of it; {out / TONIGHT}: what to show from now on"


def answer(totals: Totals, metric: str) -> str:
    """What was served against no augmentation."""
    found = totals.beside(CHAMPION, ORIGINAL)
    if found is None:
        return "Too few users came again to tell anything."
    ends = interval(found.low, found.high)
    text = f"{metric} with what was served: {found.augmented:.4f}, without augmentation"
    text += f" {found.original:.4f} ({percent(found.relative_gain)}"
    return text + (f", 95 % interval {ends})." if found.low is not None else ").")


def kept(totals: Totals, reports: Reports) -> str:
    """The adapters against training anew."""
    share, cost = totals.kept, totals.cost
    if share is None or cost is None:
        return ""
    text = f"By themselves, adapters on the base that stays have {100 * share:.0f} % of the ranking"
    text += f" of models trained anew each night, for {100 * cost:.0f} % of the cost."
    bases = sum(d["kind"] == NEW_BASE for report in reports for d in report["decisions"])
    if not bases:
        return f"{text} No new base was needed."
    times = "once" if bases == 1 else f"{bases} times"
    return f"{text} A new base was made {times}; it costs what training anew costs, for one night."


def judged(reports: Reports) -> str:
    """By how many users."""
    users = [report["judged_users"] for report in reports if report["judged_users"]]
    if not users:
        return ""
    return f"A window was judged by {min(users):,} to {max(users):,} users."


def decided(report: Mapping[str, Any], night: int) -> str:
    """What was decided after a night; of its own adapter without a name."""
    if report["refused"]:
        return f"data refused: {report['refused']}"
    if not report["is_over"]:
        return "this window goes on"
    return "; ".join(
        f"{_named(decision, night)}{decision['kind']}: {decision['reason']}"
        for decision in report["decisions"]
    )


def _named(decision: Mapping[str, Any], night: int) -> str:
    if decision["kind"] == NEW_BASE:
        return f"night {decision['night'] + 1} begins with a "
    return "" if decision["night"] == night else f"adapter of night {decision['night'] + 1} "
