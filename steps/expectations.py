"""What raw and augmented interactions must satisfy, as Great Expectations suites.

A fault stops the run with one sentence about its first row. Where there is none, `docs` holds
Great Expectations' Data Docs (`index.html`) and `summary.json`, one flat dictionary of counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from llm4idrec.config import DataConfig
from llm4idrec.config.data import LEAVE_OUT
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_folder, write_json

SHOWN_ROWS = 20

logging.getLogger("great_expectations").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Check:
    """An expectation, and the sentence for the first row that fails it.

    `found` makes its part of the sentence from the columns of that row, or `observed_value`.
    """

    expectation: gxe.Expectation
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


def validate_raw(raw: Path, docs: Path, data: DataConfig) -> None:
    """Check the tables that `stages.read` wrote into `raw`; line numbers are those of the source.

    Repeated pairs are a fault where `data.duplicates` is `refuse`, and counted otherwise.
    """
    suites = []
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
    _validate(suites, docs, summary)


def _raw_checks(data: DataConfig, table: pd.DataFrame, min_history: int) -> list[Check]:
    mend = "mend or remove the line"
    checks = []
    for column in ("user", "item"):
        checks += [
            Check(
                gxe.ExpectColumnValuesToBeOfType(column=column, type_="str"),
                f"the {column} column holds {{observed_value}}".format,
                "strings",
                "run the stage that reads the data again",
            ),
            Check(
                gxe.ExpectColumnValuesToNotBeNull(column=column),
                f"the {column} is missing".format,
                "an ID",
                mend,
            ),
            Check(
                gxe.ExpectColumnValueLengthsToBeBetween(column=column, min_value=1),
                f"the {column} is empty".format,
                "an ID",
                mend,
            ),
        ]
    if "timestamp" in table:
        checks.append(
            Check(
                gxe.ExpectColumnValuesToBeOfType(column="timestamp", type_="int64"),
                "the timestamp column holds {observed_value}".format,
                "whole numbers",
                "convert the column, or set data.timestamp to null",
            )
        )
    if data.duplicates == "refuse":
        checks.append(
            Check(
                gxe.ExpectCompoundColumnsToBeUnique(column_list=["user", "item"]),
                "user {user!r} has item {item!r} more than once".format,
                "each pair once (data.duplicates is refuse)",
                "remove the others, or set data.duplicates to drop to keep the earliest",
            )
        )
    short = gxe.ExpectColumnValuesToBeBetween(column="history", min_value=min_history)
    return [
        *checks,
        Check(short, _short_history, f"at least {min_history} (data.min_history)", LEAVE_OUT),
    ]


def _short_history(user: str, history: int, **_: object) -> str:
    return f"user {user!r} has {history} interaction{'' if history == 1 else 's'}"


def validate_augmented(augmented: Path, train: Path, docs: Path) -> None:
    """Check that `augmented` holds every pair of `train`, and beside them only new ones."""
    train_file, file = train / "interactions.parquet", augmented / "interactions.parquet"
    original = Interactions.read(train_file)
    table = pq.read_table(file).to_pandas()
    needed = [
        "user",
        "item",
        "origin",
        "popularity_exponent",
        "relative_rank",
        "votes",
        "mean_log_probability",
    ]
    needed.append("rank")
    if missing := [column for column in needed if column not in table]:
        raise InputError(
            f"there is no column {missing[0]!r}", f"columns {', '.join(needed)}", file=file
        )
    in_train = original.contains(table["user"], table["item"])
    table["order"] = table["popularity_exponent"].fillna(
        -1.0
    )  # Great Expectations skips rows with nulls
    table["belongs_to"] = np.where(in_train, "original", "generated")
    key = table["user"].astype(np.int64) * original.n_items + table["item"]
    pairs = original.table().to_pandas()
    pairs["kept"] = np.isin(original.user.astype(np.int64) * original.n_items + original.item, key)
    generated = table[table["origin"] == "generated"]
    summary = {
        "original_pairs": int((table["origin"] == "original").sum()),
        "generated_pairs": len(generated[["user", "item"]].drop_duplicates()),
        "users_with_generated_pairs": generated["user"].nunique(),
        "items_in_generated_pairs": generated["item"].nunique(),
        "largest_relative_rank": float(generated["relative_rank"].max()) if len(generated) else 0.0,
    }
    suites = [
        Suite("augmented", Source(file), table, _augmented_checks(original)),
        Suite("train_kept", Source(file), pairs, [_kept()]),
        Suite("generated", Source(file), generated, _generated_checks()),
    ]
    _validate(suites, docs, summary)


MERGE_AGAIN = "run the stage that merges the data again"


def _augmented_checks(original: Interactions) -> list[Check]:
    checks = [
        Check(
            gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=["original", "generated"]),
            "the origin of pair ({user}, {item}) is {origin!r}".format,
            "original or generated",
            MERGE_AGAIN,
        ),
        Check(
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["user", "item", "order"]),
            "pair ({user}, {item}) is repeated".format,
            "distinct pairs, in each order of candidates",
            MERGE_AGAIN,
        ),
        Check(
            gxe.ExpectColumnPairValuesToBeEqual(column_A="origin", column_B="belongs_to"),
            "pair ({user}, {item}) is called {origin}".format,
            "the pairs of train, and no others, to be original",
            MERGE_AGAIN,
        ),
    ]
    for column, size in (("user", original.n_users), ("item", original.n_items)):
        checks += [
            Check(
                gxe.ExpectColumnValuesToBeOfType(column=column, type_="int32"),
                f"the {column} column holds {{observed_value}}".format,
                "int32",
                MERGE_AGAIN,
            ),
            Check(
                gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0, max_value=size - 1),
                f"{column} {{{column}}} is not in train".format,
                f"0 to {size - 1}",
                MERGE_AGAIN,
            ),
        ]
    return checks


def _kept() -> Check:
    return Check(
        gxe.ExpectColumnValuesToBeInSet(column="kept", value_set=[True]),
        "pair ({user}, {item}) of train is missing".format,
        "every pair of train",
        MERGE_AGAIN,
    )


def _generated_checks() -> list[Check]:
    ranges: list[tuple[str, dict[str, Any], str]] = [
        ("relative_rank", {"min_value": 0, "strict_min": True}, "more than 0"),
        ("popularity_exponent", {"min_value": 0}, "0 or more"),
        ("votes", {"min_value": 0}, "0 or more"),
        ("rank", {"min_value": 1}, "at least 1"),
        ("mean_log_probability", {"max_value": 0}, "0 or less"),
    ]
    checks = []
    for column, bounds, expected in ranges:
        found = f"the {column} of generated pair ({{user}}, {{item}}) is {{{column}:g}}".format
        for expectation in (
            gxe.ExpectColumnValuesToNotBeNull(column=column),
            gxe.ExpectColumnValuesToBeBetween(column=column, **bounds),
        ):
            checks.append(Check(expectation, found, expected, MERGE_AGAIN))
    return checks


def _validate(suites: list[Suite], docs: Path, summary: dict[str, float]) -> None:
    """Run the suites and write `docs`; `InputError` for the first check that fails."""
    with replacing_folder(docs) as folder:
        context = gx.get_context(mode="ephemeral", project_config=_project(folder))
        source = context.data_sources.add_pandas("interactions")
        for suite in suites:
            _run(suite, context, source)
        checks = sum(len(suite.checks) for suite in suites)
        write_json(folder / "summary.json", summary | {"expectations_met": checks})


def _project(site: Path) -> DataContextConfig:
    """Great Expectations without analytics or progress bars, writing Data Docs to `site`."""
    place = str(site.resolve()).replace("$", r"\$")  # else the name of a variable begins there
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": place}
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        data_docs_sites={
            "site": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": store,
            }
        },
    )


def _run(suite: Suite, context: Any, source: Any) -> None:
    batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all")
    expectations = gx.ExpectationSuite(suite.name, [check.expectation for check in suite.checks])
    definition = gx.ValidationDefinition(
        name=suite.name, data=batch, suite=context.suites.add(expectations)
    )
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[gx.checkpoint.UpdateDataDocsAction(name="docs", site_names=["site"])],
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": list(suite.table.columns),
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": suite.table})
    results = next(iter(outcome.run_results.values())).results
    for check, result in zip(suite.checks, results, strict=True):
        if not result.success:
            raise _fault(check, result, suite)


def _fault(check: Check, result: Any, suite: Suite) -> InputError:
    rows = result.result.get("partial_unexpected_index_list") or []
    if not rows and "observed_value" not in result.result:
        reason = result.exception_info.get("exception_message", result.exception_info)
        raise RuntimeError(f"{result.expectation_config.type} could not be checked: {reason}")
    row = rows[0] if rows else result.result
    line = row.get("line")
    return InputError(
        check.found(**row),
        check.expected,
        check.remedy,
        **suite.source.place(None if line is None else int(line)),
    )
