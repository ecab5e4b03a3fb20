"""JSON lines: an object a line."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.columns import correction
from llm4idrec.data.formats.parquet import require_no_nul
from llm4idrec.data.formats.text import read_text
from llm4idrec.data.shown import listed, shown
from llm4idrec.errors import InputError, MissingColumnError

TYPES: dict[type, pa.DataType] = {str: pa.string(), int: pa.int64()}


class _Decimal(str):
    """A number with a point or an exponent, as it is written."""

    __slots__ = ()


def read_json_lines(
    path: Path, data: DataConfig, wanted: Mapping[str, str]
) -> tuple[pa.Table, list[str]]:
    """Read the keys `wanted` (role -> name), as strings, and `line`; beside them the keys of the
    first line.

    IDs are strings or whole numbers. A key that is absent is null.
    """
    content = read_text(path, data.encoding)
    table = _by_arrow(content, wanted)
    if table is None:  # an odd file, or a wrong one
        table = _line_by_line(content, wanted, path)
    elif content.count(b"\n") == len(table):
        table = table.append_column("line", pa.array(np.arange(1, len(table) + 1)))
    else:
        held = [number for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
        if len(held) == len(table):
            table = table.append_column("line", pa.array(held, pa.int64()))
        else:
            table = _line_by_line(content, wanted, path)
    first = next(line for line in io.BytesIO(content) if line.strip())
    for role in ("user", "item"):
        if role in wanted:
            require_no_nul(table[role], role, path)
    return table, list(_object(first, 1, path))


def _by_arrow(content: bytes, wanted: Mapping[str, str]) -> pa.Table | None:
    """The table, if all values of a key are of the type that the first has; else None."""
    try:
        first = json.loads(content[: content.index(b"\n")])
        types = {
            name: pa.float64() if role == "rating" else _type(first[name], role)
            for role, name in wanted.items()
        }
        options = pajson.ParseOptions(
            explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
        )
        table = pajson.read_json(pa.BufferReader(content), parse_options=options)
    except (pa.ArrowException, ValueError, KeyError, TypeError, RecursionError):
        return None
    columns = {
        role: pc.ascii_trim_whitespace(table[name].cast(pa.string()))
        for role, name in wanted.items()
    }
    return pa.table(columns)


def _type(value: Any, role: str) -> pa.DataType:
    """What Arrow is to read; `KeyError` for a value that it does not read as is due."""
    return (
        pa.bool_() if isinstance(value, bool) and role.startswith("where") else TYPES[type(value)]
    )


def _line_by_line(content: bytes, wanted: Mapping[str, str], path: Path) -> pa.Table:
    values: dict[str, list[str | None]] = {role: [] for role in wanted}
    lines = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        record = _object(line, number, path)
        lines.append(number)
        for role, name in wanted.items():
            values[role].append(_text(record.get(name), role, number, path=path))
    columns = {role: pa.array(texts, pa.string()) for role, texts in values.items()}
    return pa.table({**columns, "line": pa.array(lines, pa.int64())})


def _object(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_int=str, parse_float=_Decimal)
    except (ValueError, RecursionError) as error:
        raise _refused(f"is no JSON ({' '.join(str(error).split())})", number, path) from error
    if isinstance(record, dict):
        return record
    kind = "a list" if isinstance(record, list) else "a lone value"
    raise _refused(f"holds {kind}", number, path)


def _refused(found: str, number: int, path: Path) -> InputError:
    return InputError(
        f"the line {found}",
        "a whole JSON object on each line",
        "mend the line, correct data.format, or write the file as `jq -c` does",
        file=path,
        line=number,
    )


def _text(value: Any, role: str, number: int, *, path: Path) -> str | None:
    """The value as text; a whole number is an ID, a fraction is none."""
    if value is None:
        return None
    if isinstance(value, bool) and role.startswith("where"):
        return str(value).lower()
    if isinstance(value, _Decimal) and role.startswith("where"):
        return repr(float(value))  # as data.where has it: 4.50 is 4.5
    if isinstance(value, _Decimal) and role in ("user", "item"):
        whole, _, rest = value.partition(".")
        value = whole if rest.strip("0") == "" and whole.lstrip("-").isdecimal() else float(value)
    if isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value):
        return value.strip(" \t\n\v\f\r")
    raise InputError(
        f"the {role} is {shown(value) if isinstance(value, str) else json.dumps(value)[:80]}",
        "a string or a whole number" if role in ("user", "item") else "a string or a number",
        "mend or remove the line",
        file=path,
        line=number,
    )


def require_keys(
    table: pa.Table, wanted: Mapping[str, str], keys: list[str], *, path: Path
) -> None:
    """`InputError` for a key that no line of the file, or of the folder, has."""
    for role, name in wanted.items():
        if table[role].null_count == len(table):
            raise MissingColumnError(
                role,
                f"there is no key {name!r}",
                f"one of {listed(keys)}" if keys else "one in each line",
                correction(keys, role, name),
                file=path,
            )
