"""What must hold of the raw interactions, as data for whoever checks it.

An expectation is named as Great Expectations names it; the library does not need that package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from llm4idrec.config import DataConfig
from llm4idrec.config.data import LEAVE_OUT
from llm4idrec.data.source import Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expectation:
    """Its name and arguments, as in `ExpectColumnValuesToNotBeNull(column="user")`."""

    name: str
    arguments: dict[str, Any]


def expect(name: str, **arguments: Any) -> Expectation:
    return Expectation(f"Expect{name}", arguments)


@dataclass(frozen=True)
class Check:
    """An expectation, and the sentence for the first row that fails it.

    `found` makes its part of the sentence from the columns of that row, or `observed_value`.
    """

    expectation: Expectation
    found: Callable[..., str]
    expected: str
    remedy: str


@dataclass(frozen=True)
class Suite:
    """Checks of one table, in order of importance; `source` says where its rows are."""

    name: str
    source: Source
    table: pd.DataFrame
    checks: Sequence[Check]


@dataclass(frozen=True)
class Validation:
    """All that must hold of a stage's files, and counts to go with it."""

    suites: Sequence[Suite]
    summary: dict[str, float]
    stops: bool = True
    """Whether the first check that fails stops the run; else all of them are shown."""


def raw_validation(raw: Path, data: DataConfig) -> Validation:
    """Of the tables that the stage `prepare` reads into `raw`; line numbers are the source's.

    Repeated pairs are a fault where `data.duplicates` is `refuse`, and counted otherwise.
    """
    suites: list[Suite] = []
    summary: dict[str, float] = {}
    for name, source in (("train", data.train_file), ("test", data.test_file)):
        if source is None:
            continue
        read = pq.read_table(raw / f"{name}.parquet")
        table = read.to_pandas()
        pairs = table.drop_duplicates(["user", "item"])
        history = pairs.groupby("user").size()
        table["history"] = table["user"].map(history)
        short = name == "test" or data.drop_short_histories
        checks = _raw_checks(data, table, min_history=1 if short else data.min_history)
        suites.append(Suite(f"raw_{name}", Source.of(read, source), table, checks))
        summary |= {
            f"{name}_rows": len(table),
            f"{name}_users": len(history),
            f"{name}_items": pairs["item"].nunique(),
            f"{name}_repeated_pairs": len(table) - len(pairs),
            f"{name}_shortest_history": int(history.min()),
            f"{name}_median_history": float(history.median()),
            f"{name}_longest_history": int(history.max()),
        }
    return Validation(suites, summary)


def _raw_checks(data: DataConfig, table: pd.DataFrame, min_history: int) -> list[Check]:
    mend = "mend or remove the line"
    checks = []
    for column in ("user", "item"):
        checks += [
            Check(
                expect("ColumnValuesToBeOfType", column=column, type_="str"),
                f"the {column} column holds {{observed_value}}".format,
                "strings",
                "run the stage `prepare` again",
            ),
            Check(
                expect("ColumnValuesToNotBeNull", column=column),
                f"the {column} is missing".format,
                "an ID",
                mend,
            ),
            Check(
                expect("ColumnValueLengthsToBeBetween", column=column, min_value=1),
                f"the {column} is empty".format,
                "an ID",
                mend,
            ),
        ]
    if "timestamp" in table:
        checks.append(
            Check(
                expect("ColumnValuesToBeOfType", column="timestamp", type_="int64"),
                "the timestamp column holds {observed_value}".format,
                "whole numbers",
                "convert the column, or set data.timestamp to null",
            )
        )
    if data.duplicates == "refuse":
        checks.append(
            Check(
                expect("CompoundColumnsToBeUnique", column_list=["user", "item"]),
                "user {user!r} has item {item!r} more than once".format,
                "each pair once (data.duplicates is refuse)",
                "remove the others, or set data.duplicates to drop to keep the earliest",
            )
        )
    short = expect("ColumnValuesToBeBetween", column="history", min_value=min_history)
    return [
        *checks,
        Check(short, _short_history, f"at least {min_history} (data.min_history)", LEAVE_OUT),
    ]


def _short_history(user: str, history: int, **_: object) -> str:
    return f"user {user!r} has {history} interaction{'' if history == 1 else 's'}"
