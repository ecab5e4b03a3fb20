"""The whole time that was lived through: what each line gave its users, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.metrics.significance import Comparison
from llm4idrec.replay.lines import ALONE, CHALLENGER, LINES, OWN_LINES, RETRAINED
from llm4idrec.replay.night import PER_USER, Night
from llm4idrec.replay.promotion import NEW_BASE, paired


class Totals(NamedTuple):
    """Over all windows that were judged."""

    users: pd.DataFrame
    """A row a user, a column a line: the mean of the metric over the user's windows."""
    seconds: Mapping[str, float]
    """Of each generator, over all nights."""

    @classmethod
    def of(cls, out: Path, reports: Sequence[Mapping[str, Any]]) -> Totals:
        """Of the folder of a replay, and what is told of its nights."""
        nights = [Night(out, number).folder for number in range(len(reports))]
        judged = [
            night for night, report in zip(nights, reports, strict=True) if report["judged_users"]
        ]
        names = [*LINES, *OWN_LINES]
        tables = [pq.read_table(night / PER_USER, columns=["user", *names]) for night in judged]
        empty = pa.table({name: pa.array([], pa.float64()) for name in names})
        frame = pa.concat_tables(tables).to_pandas() if tables else empty.to_pandas()
        by_user = frame.groupby("user")[names].mean() if tables else frame
        costs = [Night(out, number).costs() for number in range(len(reports))]
        ways = (RETRAINED, CHALLENGER)
        return cls(by_user, {way: sum(cost.get(way, 0.0) for cost in costs) for way in ways})

    def mean(self, line: str) -> float:
        return float(self.users[line].mean()) if len(self.users) else 0.0

    def beside(self, line: str, other: str) -> Comparison | None:
        """`line` beside `other`, by the paired test over users."""
        values = (self.users[name].to_numpy(np.float64) for name in (other, line))
        return paired(*values)

    @property
    def kept(self) -> float | None:
        """How much of the retrained model's own ranking the adapters have."""
        retrained = self.mean(RETRAINED + ALONE)
        return self.mean(CHALLENGER + ALONE) / retrained if retrained else None

    @property
    def cost(self) -> float | None:
        """Of the adapters, as a part of what training anew costs."""
        retrained = self.seconds[RETRAINED]
        return self.seconds[CHALLENGER] / retrained if retrained else None


def summary(totals: Totals, reports: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float]:
    """Flat numbers, for any tracker."""
    kinds = [decision["kind"] for report in reports for decision in report["decisions"]]
    named = {f"{line.replace(' ', '_')}_{metric}": totals.mean(line) for line in LINES + OWN_LINES}
    return {
        "nights": len(reports),
        "nights_refused": sum(bool(report["refused"]) for report in reports),
        "promoted": kinds.count("promoted"),
        "refused": kinds.count("refused"),
        "rolled_back": kinds.count("rolled back"),
        "new_bases": kinds.count(NEW_BASE),
        **named,
    }


def history(reports: Sequence[Mapping[str, Any]], metric: str) -> pa.Table:
    """Columns series (a line), step (a window, from 1) and the metric."""
    rows = [
        {"series": line, "step": number, metric: report["lines"][line]}
        for line in LINES + OWN_LINES
        for number, report in enumerate(reports, 1)
        if report["lines"]
    ]
    fields = {"series": pa.string(), "step": pa.int64(), metric: pa.float64()}
    return pa.Table.from_pylist(rows, pa.schema(list(fields.items())))
