"""Formats whose columns have names: CSV, TSV, RecBole's `.inter` and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.formats.text import read_text, require_ids

LongArray = npt.NDArray[np.int64]
WHOLE_NUMBER = r"^-?[0-9]{1,18}(\.0*)?$"


def read_separated(path: Path, data: DataConfig) -> pa.Table:
    """Read CSV, TSV or RecBole text with a header line; RecBole's names columns `user_id:token`.

    Only CSV is quoted: in the tab-separated formats a quotation mark is a character like others.
    """
    content = read_text(path)
    quoted = data.format == "csv"
    delimiter = "," if quoted else "\t"
    records = _records(content, delimiter, quoted)
    header = [name.strip() for name in next(records)[1]]
    if data.format == "recbole":
        header = [name.partition(":")[0] for name in header]
    wanted = {role: _place(header, role, name, path) for role, name in _wanted(data).items()}
    names = [str(place) for place in range(len(header))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(content),
            pacsv.ReadOptions(column_names=names, skip_rows=1),
            pacsv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted and b'"' in content,
            ),
            pacsv.ConvertOptions(
                include_columns=[names[place] for place in wanted.values()],
                column_types=dict.fromkeys(names, pa.string()),
            ),
        )
    except pa.ArrowInvalid as error:
        raise _ragged(records, len(header), path) or InputError(
            f"cannot be read ({str(error).splitlines()[0]})", file=path
        ) from error
    if not len(table):
        raise InputError(
            "there is a header but nothing below it", "at least one interaction", file=path
        )
    line = np.arange(2, len(table) + 2)
    if content.count(b"\n") != len(table) + 1:  # blank lines, or line breaks in quotes
        line = np.fromiter((start for start, row in records if row), np.int64, len(table))
    columns = {role: _trimmed(table[names[place]]) for role, place in wanted.items()}
    require_ids("user", columns["user"], line, path)
    require_ids("item", columns["item"], line, path)
    if "timestamp" in columns:
        columns["timestamp"] = _whole_numbers(columns["timestamp"], line, path)
    return pa.table({**columns, "line": line})


def _wanted(data: DataConfig) -> dict[str, str]:
    """Role -> the column name that the parameters give it."""
    names = {"user": data.user, "item": data.item, "timestamp": data.timestamp}
    return {role: name for role, name in names.items() if name is not None}


def _place(header: list[str], role: str, name: str, path: Path) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise InputError(f"column {name!r} is there {header.count(name)} times", "one", file=path)
    if all(_is_number(cell) for cell in header):
        raise InputError(
            f"no header: the first line holds {', '.join(header)}",
            f"the column names, with {name!r} among them",
            "add a header line",
            file=path,
            line=1,
        )
    raise InputError(
        f"there is no column {name!r}",
        f"one of {', '.join(map(repr, header))}",
        f"correct data.{role}",
        file=path,
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def _records(content: bytes, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """First line and cells of each record, slowly: for the header, odd files and error messages."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=delimiter, quoting=quoting)
    start = 1
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
    except csv.Error:  # a quote that does not end makes one endless cell
        yield start, [""]


def _ragged(records: Iterator[tuple[int, list[str]]], width: int, path: Path) -> InputError | None:
    """The error for the first record that is not `width` cells wide."""
    for start, row in records:
        if row and len(row) != width:
            return InputError(
                f"{len(row)} column{'s' if len(row) > 1 else ''}",
                f"{width}, as in the header",
                "mend or remove the line",
                file=path,
                line=start,
            )
    return None


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    return pc.ascii_trim_whitespace(column.combine_chunks())


def _whole_numbers(text: pa.Array, line: LongArray, path: Path) -> pa.Array:
    """Timestamps as int64; `12.0` is a whole number too."""
    try:
        return text.cast(pa.int64())
    except pa.ArrowInvalid:
        whole = pc.match_substring_regex(text, WHOLE_NUMBER)
    place = pc.index(whole, False).as_py()
    if place >= 0:
        raise _not_whole(text[place].as_py(), file=path, line=int(line[place]))
    return pc.replace_substring_regex(text, r"\..*", "").cast(pa.int64())


def _not_whole(found: object, **place: object) -> InputError:
    return InputError(
        f"the timestamp is {found!r}",
        "a whole number, such as seconds since 1970",
        "convert the column, or set data.timestamp to null",
        **place,  # type: ignore[arg-type]
    )


def read_parquet(path: Path, data: DataConfig) -> pa.Table:
    """Read Parquet: IDs are strings or whole numbers; times whole numbers, dates or datetimes."""
    try:
        header = pq.read_schema(path).names
        wanted = {role: header[_place(header, role, n, path)] for role, n in _wanted(data).items()}
        table = pq.read_table(path, columns=list(wanted.values()))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"not a Parquet file ({reason})", file=path) from error
    if not len(table):
        raise InputError("the table is empty", "at least one interaction", file=path)
    columns = {}
    for role, name in wanted.items():
        column = _plain(table[name].combine_chunks(), role, path)
        if role == "timestamp":
            columns[role] = column.cast(pa.int64())
        else:
            columns[role] = pc.ascii_trim_whitespace(column.cast(pa.string()))
            require_ids(role, columns[role], np.arange(1, len(table) + 1), path)
    return pa.table({**columns, "line": np.arange(1, len(table) + 1)})


def _plain(column: pa.Array, role: str, path: Path) -> pa.Array:
    """The column without dictionary or floats; refuses nulls, fractions and nested types."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode(), role, path)
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
        place = pc.index(pc.equal(pc.floor(column), column), False).as_py()
        if place >= 0:
            raise InputError(
                f"the {role} is {column[place].as_py()}",
                "a whole number" if role == "timestamp" else "a string or a whole number",
                file=path,
                line=place + 1,
            )
        return column.cast(pa.int64())
    times = pa.types.is_temporal(kind) and role == "timestamp"
    texts = (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and role != "timestamp"
    if pa.types.is_date32(kind) and times:
        return column.cast(pa.int32())
    if not (times or texts or pa.types.is_integer(kind)):
        raise InputError(
            f"the {role} column has type {kind}",
            "whole numbers" if role == "timestamp" else "strings or whole numbers",
            file=path,
        )
    return column
