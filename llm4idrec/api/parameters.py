"""The parameters of a call: those that are shipped, what the frame says, and what is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from llm4idrec.api.source import FILE, Columns
from llm4idrec.config import Config
from llm4idrec.config.template import template
from llm4idrec.errors import InputError
from llm4idrec.runtime.memory import GB, held_bytes

Settings = Mapping[str, Any]
"""Keys of `params.yaml`, nested as they are there, and what is to stand there."""


def parameters(
    columns: Columns, folder: Path, *, given: Settings, settings: Settings | None
) -> Config:
    """The shipped `params.yaml` with what the frame and the call say, and with `settings`.

    `columns` are the frame's, `folder` holds its file, and `given` are the keys that the arguments
    of the call stand for. Users whose history is too short are left out, and a process may take
    `memory` GB beside what this one has taken; `settings` can change both.

    Raises `InputError` for a key that is not known or is among those that are said otherwise.
    """
    settings = settings or {}
    data = {"path": str(folder / FILE), "format": "parquet", **columns._asdict()}
    said = {**given, "data": data}
    for key in sorted({*_keys(said)} & {*_keys(settings)}):
        raise InputError(
            f"`settings` has `{key}`",
            "keys that neither the frame nor another argument says",
            "take it out",
        )
    values: dict[str, Any] = yaml.safe_load(template())
    usual = {
        "dataset": "frame",
        "memory": values["memory"] + int(held_bytes() / GB),
        "data": {"drop_short_histories": True},
    }
    for changes in (usual, said, settings):
        values = _changed(values, changes)
    return Config.parse(values)


def _changed(values: Mapping[str, Any], changes: Settings) -> dict[str, Any]:
    changed = dict(values)
    for key, value in changes.items():
        before = changed.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _changed(before, value)  # noqa: PLW2901
        changed[key] = value
    return changed


def _keys(values: Settings, above: str = "") -> Iterator[str]:
    """As in `data.path`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
