"""Text whose columns have names: CSV, TSV and RecBole's `.inter`."""

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

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.formats.text import listed, read_text, require_ids, shown

LongArray = npt.NDArray[np.int64]
Record = tuple[int, list[str]]
"""First line and cells."""
WHOLE_NUMBER = r"^-?[0-9]{1,18}(\.0*)?$"
LONGEST_LINE = 1 << 20
"""Arrow surely reads lines of that many bytes: the size of its blocks."""


def read_separated(path: Path, data: DataConfig) -> pa.Table:
    """Read CSV, TSV or RecBole text with a header line; RecBole's names columns `user_id:token`.

    Only CSV is quoted: in the tab-separated formats a quotation mark is a character like others.
    """
    content = read_text(path)
    quoted = data.format == "csv"
    delimiter = "," if quoted else "\t"
    records = _records(content, delimiter, quoted)
    cells = _header(content, records, path)
    header = [name.partition(":")[0] for name in cells] if data.format == "recbole" else cells
    wanted = {
        role: place_of(header, role, name, path) for role, name in wanted_columns(data).items()
    }
    names = [str(place) for place in range(len(header))]
    read = [names[place] for place in wanted.values()]
    quotes = quoted and b'"' in content
    if quotes:  # the last column shows whether the last quotation ends
        read.append(names[-1])
    try:
        table = _cells(content, delimiter, names, read, quotes=quotes)
    except pa.ArrowException as error:
        raise _unparsed(records, len(header), error, path) from error
    if not len(table):
        raise InputError(
            "there is a header but nothing below it", "at least one interaction", file=path
        )
    if quotes and table[len(read) - 1][-1].as_py().endswith("\n"):
        raise _unended(records, path)
    line = np.arange(2, len(table) + 2)
    if content.count(b"\n") != len(table) + 1:  # blank lines, or line breaks in quotes
        line = np.fromiter((start for start, row in records if row), np.int64, len(table))
    columns = {role: _trimmed(table[place]) for place, role in enumerate(wanted)}
    _require_one_header(columns, {role: cells[place] for role, place in wanted.items()}, line, path)
    require_ids("user", columns["user"], line, path)
    require_ids("item", columns["item"], line, path)
    if "timestamp" in columns:
        columns["timestamp"] = _whole_numbers(columns["timestamp"], line, path)
    return pa.table({**columns, "line": line})


def _cells(
    content: bytes, delimiter: str, names: list[str], read: list[str], *, quotes: bool
) -> pa.Table:
    """The columns `read`, as strings, of what stands below the header."""
    return pacsv.read_csv(
        pa.BufferReader(content),
        pacsv.ReadOptions(column_names=names, skip_rows=1),
        pacsv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if quotes else False,
            newlines_in_values=quotes,
        ),
        pacsv.ConvertOptions(include_columns=read, column_types=dict.fromkeys(names, pa.string())),
    )


def read_header(path: Path) -> list[str]:
    """The names of a CSV's columns; raises `InputError` as `read_separated` does."""
    content = read_text(path)
    return _header(content, _records(content, ",", quoted=True), path)


def _header(content: bytes, records: Iterator[Record], path: Path) -> list[str]:
    """The names of the columns, from the first record."""
    if (size := content.index(b"\n")) > LONGEST_LINE:
        raise _too_long(size, 1, path)
    cells = next(records)[1]
    if not any(cells) or any("\n" in name for name in cells):
        raise InputError(
            "a line break in quotation marks" if any(cells) else "no column has a name",
            "the column names",
            "mend the header line",
            file=path,
            line=1,
        )
    return [name.strip() for name in cells]


def wanted_columns(data: DataConfig) -> dict[str, str]:
    """Role -> the column name that the parameters give it."""
    names = {"user": data.user, "item": data.item, "timestamp": data.timestamp}
    return {role: name for role, name in names.items() if name is not None}


def place_of(header: list[str], role: str, name: str, path: Path) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise InputError(f"column {name!r} is there {header.count(name)} times", "one", file=path)
    if all(_is_number(cell) for cell in header):
        raise InputError(
            f"no header: the first line holds {', '.join(header[:20])}",
            f"the column names, with {name!r} among them",
            "add a header line",
            file=path,
            line=1,
        )
    raise InputError(
        f"there is no column {name!r}",
        f"one of {listed(header)}",
        f"correct data.{role}",
        file=path,
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def _records(content: bytes, delimiter: str, quoted: bool) -> Iterator[Record]:
    """First line and cells of each record, slowly: for the header, odd files and error messages."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=delimiter, quoting=quoting)
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # long cells of other columns
    start = 1
    for row in reader:
        yield start, row
        start = reader.line_num + 1


def _unparsed(
    records: Iterator[Record], width: int, error: pa.ArrowException, path: Path
) -> InputError:
    """The error for the first record that is not `width` cells wide, or longer than Arrow reads."""
    for start, row in records:
        if row and len(row) != width:
            return InputError(
                f"{len(row)} column{'s' if len(row) > 1 else ''}",
                f"{width}, as in the header",
                "mend or remove the line",
                file=path,
                line=start,
            )
        if (size := sum(map(len, row))) > LONGEST_LINE:
            return _too_long(size, start, path)
    return InputError(f"cannot be read ({str(error).splitlines()[0]})", file=path)


def _too_long(size: int, line: int, path: Path) -> InputError:
    return InputError(
        f"the line has {size} characters",
        f"at most {LONGEST_LINE}",
        "mend the line, or correct data.format",
        file=path,
        line=line,
    )


def _unended(records: Iterator[Record], path: Path) -> InputError:
    *_, (start, _) = records
    return InputError(
        "a quotation mark does not end",
        "another one behind the cell",
        "mend the line",
        file=path,
        line=start,
    )


def _require_one_header(
    columns: dict[str, pa.Array], header: dict[str, str], line: LongArray, path: Path
) -> None:
    """`InputError` at a header further down, as in files that were joined."""
    place = pc.index(columns["user"], header["user"]).as_py()
    if place >= 0 and columns["item"][place].as_py() == header["item"]:
        raise InputError(
            "the header once more", "it once", "remove the line", file=path, line=int(line[place])
        )


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


def _not_whole(found: str, **place: object) -> InputError:
    return InputError(
        f"the timestamp is {shown(found)}",
        "a whole number, such as seconds since 1970",
        "convert the column, or set data.timestamp to null",
        **place,  # type: ignore[arg-type]
    )
