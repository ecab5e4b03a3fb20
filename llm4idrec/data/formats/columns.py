"""Text whose columns have names: CSV, TSV and RecBole's `.inter`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.layout import Layout
from llm4idrec.data.formats.text import NothingReadError, read_text
from llm4idrec.data.shown import listed
from llm4idrec.errors import InputError, MissingColumnError

LongArray = npt.NDArray[np.int64]
Record = tuple[int, list[str]]
"""First line and cells."""
LONGEST_LINE = 1 << 20
"""Arrow surely reads lines of that many bytes: the size of its blocks."""
USUAL_SEPARATORS = (",", ";", "\t", "|", "::", ":", " ")


def read_separated(
    path: Path, data: DataConfig, wanted: Mapping[str, str]
) -> tuple[pa.Table, list[str]]:
    """Read the columns `wanted` (role -> name) of CSV, TSV or RecBole text, as strings, and `line`;
    beside them the names of all columns.

    Only CSV is quoted: in the tab-separated formats a quotation mark is a character like others.
    """
    layout = Layout.of(data)
    content = layout.marked(read_text(path, data.encoding), path)
    records = _records(content, layout)
    if layout.header:
        cells = _header(content, records, path)
    else:
        cells = next(row for _, row in _records(content, layout) if row)
    header = _names(cells, layout)
    if layout.header:
        _require_names(cells, wanted, path)
    places = _places(header, wanted, content=content, layout=layout, path=path)
    names = [str(place) for place in range(len(header))]
    read = {names[place]: None for place in places.values()}
    quotes = layout.quoted and b'"' in content
    if quotes:  # the last column shows whether the last quotation ends
        read[names[-1]] = None
    try:
        table = _cells(content, layout, names=names, read=list(read), quotes=quotes)
    except pa.ArrowException as error:
        raise _unparsed(records, len(header), error=error, layout=layout, path=path) from error
    if not len(table):
        found = "there is a header but nothing below it"
        raise NothingReadError(found, "at least one interaction", file=path)
    if quotes and not _is_ended(table[names[-1]][-1].as_py(), content):
        raise _unended(records, path)
    above = layout.lines_above
    line = np.arange(1 + above, len(table) + 1 + above)
    if content.count(b"\n") != len(table) + above:  # blank lines, or line breaks in quotes
        line = np.fromiter((start for start, row in records if row), np.int64, len(table))
    columns = {role: _trimmed(table[names[place]], layout) for role, place in places.items()}
    if layout.header:
        _require_one_header(
            columns, {r: cells[place] for r, place in places.items()}, line, path=path
        )
    return pa.table({**columns, "line": line}), header


def _cells(
    content: bytes, layout: Layout, *, names: list[str], read: list[str], quotes: bool
) -> pa.Table:
    """The columns `read`, as strings, of what stands in `content` below the header.

    `names` are those of all columns, `layout` says what parts them, and with `quotes` a cell may be
    in quotation marks.
    """
    return pacsv.read_csv(
        pa.BufferReader(content),
        pacsv.ReadOptions(column_names=names, skip_rows=layout.lines_above),
        pacsv.ParseOptions(
            delimiter=layout.mark,
            quote_char='"' if quotes else False,
            newlines_in_values=quotes,
        ),
        pacsv.ConvertOptions(include_columns=read, column_types=dict.fromkeys(names, pa.string())),
    )


def _names(cells: list[str], layout: Layout) -> list[str]:
    """The names of the columns: without a header their numbers from 1."""
    if not layout.header:
        return [str(number) for number in range(1, len(cells) + 1)]
    return [cell.partition(":")[0] for cell in cells] if layout.typed else cells


def _places(
    header: list[str], wanted: Mapping[str, str], *, content: bytes, layout: Layout, path: Path
) -> dict[str, int]:
    """Role -> place of the column, from 0; where one is not there, the sentence says which
    separator the first line seems to have.

    `header` are the names there are, `wanted` is role -> name, and `content`, laid out as `layout`
    says, is what the file `path` holds.
    """
    remedy = None if layout.header else "name the columns by their numbers, or set data.header"
    if not set(wanted.values()) <= set(header):
        first = content[: content.index(b"\n")].decode().replace(layout.mark, layout.separator)
        if first.startswith("sep="):
            remedy = "remove the first line, which is for Excel, and set data.separator"
        for mark in USUAL_SEPARATORS:
            cells = [cell.strip().strip('"') for cell in first.split(mark)]
            if set(wanted.values()) <= set(_names(cells, layout)):
                remedy = f"set data.separator to {mark!r}, which seems to part the columns"
                if mark == layout.separator:
                    remedy = "set data.format to csv, which has quotation marks, and "
                    remedy += f"data.separator to {mark!r}"
                break
        if remedy is None and _may_lack_header(header):
            missing = next(role for role, name in wanted.items() if name not in header)
            remedy = correction(header, missing, wanted[missing])
            remedy += ", or set data.header to false"
    return {
        role: place_of(header, role, name, path=path, remedy=remedy)
        for role, name in wanted.items()
    }


def _may_lack_header(header: list[str]) -> bool:
    """Whether some, but not all, of the names are numbers."""
    numbers = [_is_number(cell) for cell in header if cell]
    return any(numbers) and not all(numbers)


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


def _require_names(header: list[str], wanted: Mapping[str, str], path: Path) -> None:
    """`InputError` where numbers are wanted and the first line seems to be an interaction.

    Numbers from 0 are names: pandas writes those where there are no others.
    """
    names = [cell for cell in header if cell]
    if (
        wanted
        and all(map(str.isdecimal, wanted.values()))
        and all(map(_is_number, header))
        and names != [str(number) for number in range(len(names))]
    ):
        raise _no_header(header, next(iter(wanted.values())), path)


def place_of(
    header: list[str], role: str, name: str, *, path: Path, remedy: str | None = None
) -> int:
    """The place of a column, from 0; `InputError` if it is not there once.

    `header` are the names of all columns of the file `path`, `name` is that of the column for the
    `role`; without a `remedy` the sentence asks for a correction of the parameter.
    """
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        found = f"column {name!r} is there {header.count(name)} times"
        raise InputError(found, "one", "rename or remove one", file=path)
    if remedy is None and all(_is_number(cell) for cell in header):
        raise _no_header(header, name, path)
    remedy = remedy or correction(header, role, name)
    found = f"there is no column {name!r}"
    raise MissingColumnError(role, found, f"one of {listed(header)}", remedy, file=path)


def correction(header: list[str], role: str, name: str) -> str:
    """What to do about a name that is not there."""
    likely = next((cell for cell in header if cell.lower() == name.lower()), None)
    question = "" if likely is None else f"did you mean {likely!r}? "
    return f"{question}correct data.{role.partition(' ')[0]}"


def _no_header(header: list[str], name: str, path: Path) -> InputError:
    return InputError(
        f"no header: the first line holds {', '.join(header[:20])}",
        f"the column names, with {name!r} among them",
        "add a header line, or set data.header to false and name the columns by their numbers",
        file=path,
        line=1,
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def _records(content: bytes, layout: Layout) -> Iterator[Record]:
    """First line and cells of each record, slowly: for the header, odd files and error messages."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=layout.mark, quoting=quoting)
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # long cells of other columns
    start = 1
    for row in reader:
        yield start, row
        start = reader.line_num + 1


def _unparsed(
    records: Iterator[Record], width: int, *, error: pa.ArrowException, layout: Layout, path: Path
) -> InputError:
    """The error for the first record that is not `width` cells wide, or longer than Arrow reads.

    `records` are those of the file `path`, laid out as `layout` says, and `error` is what Arrow
    says, for where there is no such record.
    """
    for start, row in records:
        if row and len(row) != width:
            return InputError(
                f"{len(row)} column{'s' if len(row) > 1 else ''}",
                f"{width}, as in the {'header' if layout.header else 'first line'}",
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


def _is_ended(cell: str, content: bytes) -> bool:
    """Whether the quotation of the last cell, if it is one, ends; else it holds the line's end."""
    written = cell.replace('"', '""') + '"\n'
    return not cell.endswith("\n") or content.endswith(written.encode())


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
    columns: dict[str, pa.Array], header: dict[str, str], line: LongArray, *, path: Path
) -> None:
    """`InputError` at a header further down, as in files that were joined."""
    if not {"user", "item"} <= columns.keys():  # one is the name of a folder
        return
    place = pc.index(columns["user"], header["user"]).as_py()
    if place >= 0 and columns["item"][place].as_py() == header["item"]:
        raise InputError(
            "the header once more", "it once", "remove the line", file=path, line=int(line[place])
        )


def _trimmed(column: pa.ChunkedArray, layout: Layout) -> pa.Array:
    text = pc.ascii_trim_whitespace(column.combine_chunks())
    if layout.mark != layout.separator and layout.quoted:  # in quotation marks it is a character
        return pc.replace_substring(text, layout.mark, layout.separator)
    return text
