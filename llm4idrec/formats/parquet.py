"""Parquet, whose columns have names and types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.formats.columns import place_of, wanted_columns
from llm4idrec.formats.text import require_ids, shown

LARGEST_FLOAT = float(2**53)
"""Floats beyond do not hold every whole number."""


def read_parquet(path: Path, data: DataConfig) -> pa.Table:
    """Read Parquet: IDs are strings or whole numbers; times whole numbers, dates or datetimes."""
    try:
        # Not pq.read_table, which takes a folder named `user=5` above the file for a column.
        with pq.ParquetFile(path) as file:
            header = file.schema_arrow.names
            named = wanted_columns(data).items()
            wanted = {role: header[place_of(header, role, name, path)] for role, name in named}
            table = file.read(columns=list(wanted.values()))
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:  # a name may be no UTF-8
        reason = str(error).partition("\n")[0]
        raise InputError(f"not a Parquet file ({reason})", file=path) from error
    if not len(table):
        raise InputError("the table is empty", "at least one interaction", file=path)
    line = np.arange(1, len(table) + 1)
    columns = {}
    for role, name in wanted.items():
        column = _plain(table[name].combine_chunks(), role, path)
        columns[role] = _cast(column, role, path)
        if role != "timestamp":
            _require_no_nul(columns[role], role, path)
            require_ids(role, columns[role], line, path)
    return pa.table({**columns, "line": line})


def _cast(column: pa.Array, role: str, path: Path) -> pa.Array:
    try:
        if role == "timestamp":
            return column.cast(pa.int64())
        return pc.ascii_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException as error:
        raise _wrong_type(column.type, role, path) from error


def _wrong_type(kind: pa.DataType, role: str, path: Path) -> InputError:
    return InputError(
        f"the {role} column has type {kind}",
        "whole numbers below 2**63" if role == "timestamp" else "strings or whole numbers",
        file=path,
    )


def _require_no_nul(ids: pa.Array, role: str, path: Path) -> None:
    place = pc.index(pc.match_substring(ids, "\0"), True).as_py()
    if place >= 0:
        raise InputError(
            f"the {role} is {shown(ids[place].as_py())}",
            "no NUL in it",
            "mend or drop the row",
            file=path,
            line=place + 1,
        )


def _plain(column: pa.Array, role: str, path: Path) -> pa.Array:
    """The column without dictionary or floats; refuses nulls, fractions and nested types."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode(), role, path)
    if pa.types.is_floating(kind):
        column = column.cast(pa.float64())
    place = pc.index(pc.is_null(column, nan_is_null=pa.types.is_floating(kind)), True).as_py()
    if place >= 0:
        raise InputError(
            f"the {role} is null",
            "a value",
            "fill or drop the row",
            file=path,
            line=place + 1,
        )
    if pa.types.is_floating(kind):  # pandas makes floats of whole numbers
        return _whole_floats(column, role, path)
    times = pa.types.is_temporal(kind) and role == "timestamp"
    texts = (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and role != "timestamp"
    if pa.types.is_date32(kind) and times:
        return column.cast(pa.int32())
    if not (times or texts or pa.types.is_integer(kind)):
        raise _wrong_type(kind, role, path)
    return column


def _whole_floats(column: pa.Array, role: str, path: Path) -> pa.Array:
    exact = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), LARGEST_FLOAT))
    place = pc.index(exact, False).as_py()
    if place >= 0:
        whole = "a whole number below 2**53"
        raise InputError(
            f"the {role} is {column[place].as_py()}",
            whole if role == "timestamp" else f"a string or {whole}",
            file=path,
            line=place + 1,
        )
    return column.cast(pa.int64())
