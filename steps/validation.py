"""Great Expectations: checks what the library expects of a stage's files.

A fault stops the run with one sentence about its first row, unless the validation says that it is
only shown. Else `docs` holds Great Expectations' Data Docs (`index.html`) and `summary.json`, one
flat dictionary of counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from llm4idrec.data.expectations import Check, Expectation, Suite, Validation
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_folder, write_json

SHOWN_ROWS = 20

logging.getLogger("great_expectations").setLevel(logging.WARNING)


def validate(validation: Validation, docs: Path) -> None:
    """Run the suites and write `docs`; `InputError` for the first check that fails, where that
    stops the run."""
    with replacing_folder(docs) as folder:
        context = gx.get_context(mode="ephemeral", project_config=_project(folder))
        source = context.data_sources.add_pandas("interactions")
        met = 0
        for suite in validation.suites:
            results = _run(suite, context, source)
            for check, result in zip(suite.checks, results, strict=True):
                if not result.success and (validation.stops or _is_unchecked(result)):
                    raise _fault(check, result, suite)
            met += sum(result.success for result in results)
        context.build_data_docs()  # once: it writes the pages of all suites
        write_json(folder / "summary.json", validation.summary | {"expectations_met": met})


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


def _run(suite: Suite, context: Any, source: Any) -> Sequence[Any]:
    """The result of each check, which the context keeps too."""
    batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all")
    expectations = gx.ExpectationSuite(
        suite.name, [_known(check.expectation) for check in suite.checks]
    )
    definition = gx.ValidationDefinition(
        name=suite.name, data=batch, suite=context.suites.add(expectations)
    )
    outcome = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": suite.table},
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": list(suite.table.columns),
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    results: Sequence[Any] = outcome.results
    return results


def _known(expectation: Expectation) -> gxe.Expectation:
    return getattr(gxe, expectation.name)(**expectation.arguments)


def _is_unchecked(result: Any) -> bool:
    """Whether Great Expectations could not tell."""
    found = result.result
    return not found.get("partial_unexpected_index_list") and "observed_value" not in found


def _fault(check: Check, result: Any, suite: Suite) -> InputError:
    rows = result.result.get("partial_unexpected_index_list") or []
    if _is_unchecked(result):
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
