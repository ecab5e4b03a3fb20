"""Parquet, whose columns have names and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.columns import place_of
from llm4idrec.data.formats.compression import MAX_EXPANSION, PLENTY, compressed, read_bytes
from llm4idrec.data.formats.text import NothingReadError
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError

LARGEST_FLOAT = float(2**53)
"""Floats beyond do not hold every whole number."""
TEXTS = {pa.string(), pa.large_string(), pa.string_view()}
TEXTS |= {pa.binary(), pa.large_binary(), pa.binary_view()}  # older programs do not say it is text


def read_parquet(
    path: Path, _data: DataConfig, wanted: Mapping[str, str]
) -> tuple[pa.Table, list[str]]:
    """Read the columns `wanted` (role -> name), and `line`, the number of the row from 1; beside
    them the names of all columns.

    IDs are strings or whole numbers and become strings; the other columns keep their types.
    """
    table, names, header = _read(path, wanted)
    if not len(table):
        raise NothingReadError("the table is empty", "at least one interaction", file=path)
    columns = {}
    for role, name in names.items():
        column = _plain(table[name].combine_chunks(), role, path)
        columns[role] = _ids(column, role, path) if role in ("user", "item") else column
    return pa.table({**columns, "line": np.arange(1, len(table) + 1)}), header


def _read(path: Path, wanted: Mapping[str, str]) -> tuple[pa.Table, dict[str, str], list[str]]:
    try:
        with path.open("rb") as opened:
            packed = compressed(opened.read(16)) is not None
        # Not pq.read_table, which takes a folder named `user=5` above the file for a column.
        source = pa.BufferReader(read_bytes(path)) if packed else path
        with pq.ParquetFile(source) as file:
            header = file.schema_arrow.names
            names = {
                role: header[place_of(header, role, name, path=path)]
                for role, name in wanted.items()
            }
            texts = {name for name in names.values() if file.schema_arrow.field(name).type in TEXTS}
            short = _shorter_than_plain(file.metadata, texts)
        with pq.ParquetFile(source, read_dictionary=short) as file:
            table = file.read(columns=list(dict.fromkeys(names.values())))
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:  # a name may be no UTF-8
        reason = str(error).partition("\n")[0]
        raise InputError(f"not a Parquet file ({reason})", file=path) from error
    return table, names, header


def _shorter_than_plain(facts: pq.FileMetaData, texts: set[str]) -> list[str]:
    """The columns `texts` that have fewer bytes than the lengths alone, four a row, would take:
    a dictionary holds theirs."""
    size: Counter[str] = Counter()
    for group in range(facts.num_row_groups):
        for place in range(facts.num_columns):
            chunk = facts.row_group(group).column(place)
            if chunk.path_in_schema in texts:
                size[chunk.path_in_schema] += chunk.total_uncompressed_size
    return [name for name, held in size.items() if held < 4 * facts.num_rows]


def _require_few_bytes(column: pa.DictionaryArray, role: str, path: Path) -> None:
    """`InputError` for texts that take much memory once they are out of the dictionary."""
    length = pc.binary_length(column.dictionary)
    if (pc.max(length).as_py() or 0) * len(column) <= PLENTY:
        return
    held = pc.sum(length.take(column.indices)).as_py() or 0
    if held > max(PLENTY, MAX_EXPANSION * path.stat().st_size):
        raise InputError(
            f"the {role} column holds {held} bytes, more than {MAX_EXPANSION} times the file",
            "short texts",
            "shorten them",
            file=path,
        )


def _plain(column: pa.Array, role: str, path: Path) -> pa.Array:
    """The column without dictionary; texts of every kind, and decimals, as trimmed strings."""
    if pa.types.is_dictionary(column.type):
        if column.type.value_type in TEXTS:
            _require_few_bytes(column, role, path)
        column = column.dictionary_decode()
    kind = column.type
    try:
        if pa.types.is_decimal(kind):  # what databases have for whole numbers too
            whole = role in ("user", "item")
            return (column.cast(pa.decimal256(76, 0)) if whole else column).cast(pa.string())
        if kind in TEXTS:
            return pc.ascii_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowInvalid as error:  # a fraction, or no UTF-8
        raise _wrong_type(kind, role, path) from error
    return column


def _ids(column: pa.Array, role: str, path: Path) -> pa.Array:
    """The column as strings; NaN is null."""
    kind = column.type
    if pa.types.is_floating(kind):  # pandas makes floats of whole numbers
        column = _whole(column.cast(pa.float64()), role, path)
    elif not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)):
        raise _wrong_type(kind, role, path)
    ids = column.cast(pa.string())
    require_no_nul(ids, role, path)
    return ids


def _wrong_type(kind: pa.DataType, role: str, path: Path) -> InputError:
    expected = "strings or whole numbers"
    return InputError(f"the {role} column has type {kind}", expected, file=path)


def _whole(column: pa.Array, role: str, path: Path) -> pa.Array:
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    exact = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), LARGEST_FLOAT))
    place = pc.index(exact, False).as_py()
    if place >= 0:
        raise InputError(
            f"the {role} is {column[place].as_py()}",
            "a string or a whole number below 2**53",
            file=path,
            line=place + 1,
        )
    return column.cast(pa.int64())


def require_no_nul(ids: pa.Array, role: str, path: Path) -> None:
    place = pc.index(pc.match_substring(ids, "\0"), True).as_py()
    if place >= 0:
        raise InputError(
            f"the {role} is {shown(ids[place].as_py())}",
            "no NUL in it",
            "mend or drop the row",
            file=path,
            line=place + 1,
        )
