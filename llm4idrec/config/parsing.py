"""Sections of `params.yaml` from plain values, or one sentence about the first key at fault."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from reprlib import repr as shown
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm4idrec.config.own import OwnConfig
from llm4idrec.config.section import Section
from llm4idrec.errors import InputError

Parsed = TypeVar("Parsed", bound=Section)


def parsed(kind: type[Parsed], values: dict[str, Any], file: Path | None = None) -> Parsed:
    """A section; `InputError` names the key and what may stand there."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(*_first_fault(kind, error), file=file) from error


def _first_fault(kind: type[Section], error: ValidationError) -> tuple[str, str | None, str | None]:
    """What was found, what was expected and, for an unknown key, which is like it."""
    faults = error.errors()
    unknown = (fault for fault in faults if fault["type"] in _UNKNOWN)
    fault = next(unknown, faults[0])  # a key that is missing may be the one that is misspelt
    path = [str(part)[:80] for part in fault["loc"]]
    key = ".".join(path)
    if fault["type"] in _UNKNOWN:
        return f"unknown key `{key}`", _KNOWN, _instead(kind, path)
    if fault["type"] == "missing":
        return f"key `{key}` is missing", None, None
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be ", "")
    message = message.replace("a valid tuple", "a list, as in [1, 2] or [mf, ease]")
    if fault["type"] == "value_error":
        return (f"`{key}`: {message}" if key else message), None, None
    return f"`{key}` is {shown(fault['input'])}", message, None


RENAMED = {
    "filter.popularity": "filter.popularity_exponents",
    "tune.popularity": "tune.popularity_exponent",
    "evaluation.control_seeds": "evaluation.seeds",
    "base_model.epochs": "base_model.max_epochs",
}
"""What keys of older parameters are called now."""
_UNKNOWN = ("extra_forbidden", "invalid_key")
_KNOWN = "a key that the parameters know (see llm4idrec/config/)"


def _instead(kind: type[Section], path: list[str]) -> str | None:
    """What may be meant by the unknown key at `path`: its new name, or the key most like it."""
    if new := RENAMED.get(".".join(path)):
        return f"it is now called `{new}`"
    near = get_close_matches(path[-1], _keys(kind, path[:-1]), 1)
    return f"did you mean `{'.'.join([*path[:-1], *near])}`?" if near else None


def _keys(kind: type[BaseModel], path: list[str]) -> list[str]:
    """The keys of the section that stands at `path`."""
    for part in path:
        known = part in kind.model_fields
        section = kind.model_fields[part].annotation if known else OwnConfig
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return []
        kind = section
    return list(kind.model_fields)
