"""What the stages of a run took, as the report shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from llm4idrec.report.charts.charts import Bar, bar_chart
from llm4idrec.runtime.files import COST, read_json


def total_seconds(folders: Iterable[Path]) -> float | None:
    """What the stages of these folders took together; None if that of one is not known."""
    seconds = [_seconds(folder) for folder in folders]
    known = [s for s in seconds if s is not None]
    return sum(known) if len(known) == len(seconds) else None


def cost_chart(folders: Mapping[str, Path]) -> str:
    """A bar for each stage, by its name, and their sum; HTML."""
    known = {name: s for name, folder in folders.items() if (s := _seconds(folder)) is not None}
    total = sum(known.values())
    bars = [
        Bar(name, seconds, f"{_time(seconds)}, {100 * seconds / max(total, 1e-9):.0f} %")
        for name, seconds in known.items()
    ]
    unknown = ", ".join(name for name in folders if name not in known)
    rest = f' <span class="soft">Not known: {unknown}.</span>' if unknown else ""
    return (
        f"<p><b>{total / 60:,.1f} minutes</b> in all.{rest}</p>{bar_chart(bars, 'time by stage')}"
    )


def _seconds(folder: Path) -> float | None:
    file = folder / COST
    return float(read_json(file)["seconds"]) if file.is_file() else None


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"
