"""Files of keys and values: YAML, of which only what parameters need is taken."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import yaml

from llm4idrec.errors import InputError

MAX_BYTES = 1 << 20
MAX_VALUES = 100_000
MAX_DIGITS = 25
_OF_YAML_1_1 = re.compile(r"[-+]?0[0-9_]|[-+]?0b|.*:")


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a file.

    Raises `InputError` for anything else; for tags, repeated keys and endless numbers; and for
    aliases that contain themselves, or that make much of little when they are written out.
    """
    text = _text(path)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None and _size(root, {}) > MAX_VALUES:
            raise InputError(
                f"holds more than {MAX_VALUES} values, aliases written out", "fewer", file=path
            )
        values = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _unreadable(error.problem, path, None if mark is None else mark.line + 1) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _unreadable(f"character #x{error.character:04x}", path, line) from error
    except RecursionError as error:
        raise _unreadable("nested too deeply", path) from error
    except (
        ValueError,
        LookupError,
        AttributeError,
    ) as error:  # 2026-13-45, !!bool x, !!timestamp x
        raise _unreadable(f"a value that is none: {error}", path) from error
    if not isinstance(values, dict):
        raise InputError("holds no parameters", "keys and their values", file=path)
    return values


def _text(path: Path) -> str:
    if not os.path.isfile(path):  # noqa: PTH113, which raises for names that are too long
        fault = _unreadable("a folder" if os.path.isdir(path) else "no such file", path)  # noqa: PTH112
        begun = "`llm4idrec init FILE` writes one for a file of interactions"
        raise fault.advising(begun) if path.name == "params.yaml" else fault
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _unreadable(f"more than {MAX_BYTES} bytes", path)
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"byte 0x{content[error.start]:02x} is not UTF-8", path, line) from error
    except OSError as error:
        raise _unreadable(error.strerror, path) from error


def _unreadable(reason: str | None, path: Path, line: int | None = None) -> InputError:
    found = f"cannot be read as YAML ({reason})"
    return InputError(found, "keys and their values", file=path, line=line)


def _size(node: yaml.Node, sizes: dict[yaml.Node, float]) -> float:
    """Values in a node, aliases written out; infinite where it contains itself.

    Raises `ConstructorError` at a key that is repeated and at an endless number.
    """
    if node not in sizes:
        sizes[node] = math.inf  # as long as it is open
        children = list(node.value) if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            _require_distinct([key for key, _ in children])
            children = [part for pair in children for part in pair]
        elif node.tag == "tag:yaml.org,2002:int":
            _require_one_meaning(node)
        sizes[node] = 1 + sum(_size(child, sizes) for child in children)
    return sizes[node]


def _require_one_meaning(number: yaml.Node) -> None:
    """DVC reads YAML 1.2, where `010` is ten, not eight, and `1:30` no number."""
    if len(number.value) > MAX_DIGITS:
        problem = f"a number of {len(number.value)} digits"
    elif _OF_YAML_1_1.match(number.value):
        problem = f"{number.value}, which is another value to DVC; write it as a plain number"
    else:
        return
    raise yaml.constructor.ConstructorError(None, None, problem, number.start_mark)


def _require_distinct(keys: list[yaml.Node]) -> None:
    """PyYAML would let the last of equal keys win."""
    first: dict[str, int] = {}
    for key in keys:
        if isinstance(key, yaml.ScalarNode) and key.value in first:
            problem = f"key {key.value[:80]!r} is there already, on line {first[key.value]}"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        first[str(key.value)] = key.start_mark.line + 1
