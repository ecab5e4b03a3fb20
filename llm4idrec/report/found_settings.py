"""What the report says of the settings of recommenders that were searched on the original data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llm4idrec.report.markup import table
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.wording import metric_name, recommender_name


def found_settings(folder: Path, recommenders: Sequence[str]) -> str:
    """A table of what was found, from the files of `folder`, which are named as the recommenders;
    empty if there are none."""
    files = [folder / f"{name}.json" for name in recommenders]
    found = {file.stem: read_json(file) for file in files if file.is_file()}
    if not found:
        return ""
    metric = metric_name(str(next(iter(found.values()))["metric"]))
    head = ("", "settings", f"{metric} of the section", "of these", "trials")
    return table("", head, [_line(name, its) for name, its in found.items()])


def _line(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    settings = ", ".join(f"{key} {_shown(value)}" for key, value in found["settings"].items())
    trials = f"{found['trials']}"
    if found["cut"]:
        trials += f" of {found['of']}<small>the time cut it</small>"
    values = found["default_validation"], found["validation"]
    before, after = ("n/a" if value is None else f"{value:.4f}" for value in values)
    return recommender_name(name), f"<small>{settings}</small>", before, after, trials


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
