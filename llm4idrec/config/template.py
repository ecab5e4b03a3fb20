"""The parameters as they are shipped, and a text of parameters that is set up for other data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import yaml

from llm4idrec.errors import InputError

_REMARK = re.compile(r" +(?=#)")
Change = tuple[int, int, str]
"""From where to where in a text, and what is to stand there."""
_COLUMN = 26
"""Where remarks begin, but for those behind long values."""


def template() -> str:
    """The text of a whole `params.yaml`, with its remarks; its `data` are the bundled ones.

    The repository's own `params.yaml` begins as a copy of it, which `.ci/run` checks.
    """
    return (files("llm4idrec.config") / "params.yaml").read_text(encoding="utf-8")


def with_data(text: str, dataset: str, data: Mapping[str, Any]) -> str:
    """The same parameters with another `dataset` and other values of keys of `data`; every other
    character stays: remarks, other keys, other sections.

    Keys of the section that `data` lacks keep their values; keys that the section lacks are added
    to it. Raises `InputError` for a text whose `data` is no section of its own, such as an alias.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise _no_section()
    changes = [*_changes(text, root, {"dataset": dataset})]
    changes += _changes(text, _section(root), data)
    changed = text
    for change in sorted(changes, reverse=True):
        changed = _replaced(changed, change)
    wanted = _values(text)
    wanted |= {"dataset": dataset, "data": {**wanted["data"], **data}}
    if _values(changed) != wanted:
        raise _no_section()
    return changed


def _values(text: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def _section(root: yaml.MappingNode) -> yaml.MappingNode:
    for key, value in root.value:
        after = value.start_mark.index >= key.end_mark.index  # else it is an alias
        if key.value == "data" and isinstance(value, yaml.MappingNode) and value.value and after:
            return value
    raise _no_section()


def _no_section() -> InputError:
    return InputError(
        "`data` is no section of its own",
        "keys and their values, as in the parameters that are shipped",
        "move the file elsewhere, and have a new one written",
    )


def _changes(text: str, section: yaml.MappingNode, values: Mapping[str, Any]) -> Iterator[Change]:
    """What makes the section of the text say `values`."""
    nodes = {key.value: (key, value) for key, value in section.value}
    constructor = yaml.SafeLoader("")
    added = []
    for name, value in values.items():
        if name not in nodes:
            added.append(f"{name}: {_written(value)}")
            continue
        key, node = nodes[name]
        if constructor.construct_object(node, deep=True) != value:
            yield key.end_mark.index, _end(node), f": {_written(value)}"
    if added:
        last = _end(section.value[-1][1])
        if section.flow_style:
            yield last, last, "".join(f", {line}" for line in added)
        else:
            place = text.find("\n", last) if "\n" in text[last:] else len(text)
            indent = "\n" + " " * section.value[0][0].start_mark.column
            yield place, place, "".join(indent + line for line in added)


def _written(value: Any) -> str:
    """On one line, in a way that lists and blocks read alike."""
    text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.strip()[1:-1]


def _end(node: yaml.Node) -> int:
    """Where a value ends; a block's own mark stands behind the remarks after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _replaced(text: str, change: Change) -> str:
    """The changed text; a remark behind the change stays in its column."""
    start, stop, new = change
    remark = _REMARK.match(text, stop)
    if remark is None or "\n" in text[start:stop]:
        return text[:start] + new + text[stop:]
    begin = text.rfind("\n", 0, start) + 1
    column = max(min(remark.end() - begin, _COLUMN), start - begin + len(new) + 2)
    return text[:start] + new.ljust(column - (start - begin)) + text[remark.end() :]
