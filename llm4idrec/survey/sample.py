"""What a file shows at its beginning, in its middle and at its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.data.formats.compression import compressed, read_bytes
from llm4idrec.data.formats.text import read_text
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError
from llm4idrec.survey.column import Column
from llm4idrec.survey.encoding import encoding_of
from llm4idrec.survey.parting import Parting, has_header, is_recbole, parting_of, words_format

BLOCK = 2 << 20
"""Bytes of a text that are looked at in each of three places."""
ROWS = 100_000
"""The same of Parquet, in rows."""


@dataclass(frozen=True)
class Sample:
    """Some rows, by column, and the keys of `data` that say how they are to be read."""

    columns: list[Column]
    layout: dict[str, Any]
    words: list[str]
    """The same for people."""
    whole: bool
    """Whether these are all rows of the file."""


def sample_of(path: Path) -> Sample:
    """Raises `InputError` for a file whose layout is not to be seen."""
    content = read_bytes(path)
    with path.open("rb") as file:
        packing = compressed(file.read(16))
    packed = [packing] if packing else []
    if content.startswith(b"PAR1"):
        return _parquet(content, packed, path)
    encoding = encoding_of(content, path)
    text = read_text(path, encoding).decode()
    lines, whole = _lines(text)
    layout = {} if encoding == "utf-8" else {"encoding": encoding}
    said = [*packed, encoding]
    if lines[0].lstrip().startswith(("{", "[")):
        return _json_lines(lines, layout, said, path=path, whole=whole)
    return _separated(lines, layout, said, path=path, whole=whole)


def _lines(text: str) -> tuple[list[str], bool]:
    """Lines, with their ends, of the three places; whether they are all."""
    if len(text) <= 3 * BLOCK:
        return [f"{line}\n" for line in text.split("\n") if line], True
    middle = (len(text) - BLOCK) // 2
    lines = text[:BLOCK].split("\n")[:-1]
    for start in (middle, len(text) - BLOCK):
        lines += text[start : start + BLOCK].split("\n")[1:-1]
    return [f"{line}\n" for line in lines if line], False


def _separated(
    lines: list[str], layout: dict[str, Any], said: list[str], *, path: Path, whole: bool
) -> Sample:
    parting = parting_of(lines)
    header = parting is not None and has_header(parting.rows(lines))
    kind = None if header else _of_words(parting, lines)
    if kind is not None:
        return Sample([], {"format": kind, **layout}, [kind, *said], whole)
    if parting is None:
        raise _no_columns(lines, path)
    rows = parting.rows(lines)
    names, form = rows[0], _text_format(parting)
    if is_recbole(names):
        names = [name.partition(":")[0] for name in names]
        form, header = {**form, "format": "recbole"}, True
    elif not header:
        names = [str(number) for number in range(1, len(names) + 1)]
        form["header"] = False
    right = [row for row in rows[header:] if len(row) == len(names)]
    if not right:
        raise _nothing_below(rows, path)
    columns = [
        Column(name, pa.array(cells, pa.string()))
        for name, cells in zip(names, zip(*right, strict=True), strict=False)
    ]
    separator = "" if parting.separator == "\t" else f", separator {parting.separator!r}"
    about = f"{form['format']}{separator}, {'with a' if header else 'without'} header"
    return Sample(columns, {**form, **layout}, [about, *said], whole)


def _of_words(parting: Parting | None, lines: list[str]) -> str | None:
    """The format of words, where no separator but a space, or a tab between them, parts these."""
    spaced = parting is None or parting.separator == " "
    tabbed = parting is not None and parting.separator == "\t" and " " not in "".join(lines[:1000])
    return words_format(lines) if spaced or tabbed else None


def _text_format(parting: Parting) -> dict[str, Any]:
    """`csv` is the format with quotation marks, `tsv` the one without."""
    form = "csv" if parting.quoted and parting.separator != "\t" else "tsv"
    usual = {"csv": ",", "tsv": "\t"}[form]
    separator = {} if parting.separator == usual else {"separator": parting.separator}
    return {"format": form, **separator}


def _nothing_below(rows: list[list[str]], path: Path) -> InputError:
    if len(rows) == 1:
        return InputError("there is a header but nothing below it", "interactions", file=path)
    return InputError(
        f"the first line has {len(rows[0])} columns, the next {len(rows[1])}",
        "the names of the columns, or an interaction",
        "remove what stands above the table",
        file=path,
        line=1,
    )


def _no_columns(lines: list[str], path: Path) -> InputError:
    return InputError(
        f"no separator parts the lines into columns, as in {shown(lines[0].strip())}",
        "columns parted by a comma, a semicolon, a tab, `|`, `::` or a space, JSON lines, or "
        "Parquet",
        "remove lines above the table, or write `data` in params.yaml by hand",
        file=path,
    )


def _json_lines(
    lines: list[str], layout: dict[str, Any], said: list[str], *, path: Path, whole: bool
) -> Sample:
    if lines[0].lstrip().startswith("["):
        raise InputError(
            "the file is one JSON list",
            "an object a line",
            "write it as `jq -c .[]` does",
            file=path,
        )
    records = [record for line in lines if isinstance(record := _parsed(line), dict)]
    if not records:
        raise InputError("no line is a JSON object", "one on each", "see `jq -c`", file=path)
    keys = dict.fromkeys(key for record in records[:1000] for key in record)
    flat = [key for key in keys if not any(isinstance(r.get(key), dict | list) for r in records)]
    columns = [
        Column(key, pa.array([_cell(record.get(key)) for record in records], pa.string()))
        for key in flat
    ]
    return Sample(columns, {"format": "jsonl", **layout}, ["JSON lines", *said], whole)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()


def _parquet(content: bytes, packed: list[str], path: Path) -> Sample:
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            groups = dict.fromkeys((0, file.num_row_groups // 2, file.num_row_groups - 1))
            first = [
                next(file.iter_batches(ROWS, row_groups=[group]))
                for group in groups
                if 0 <= group < file.num_row_groups and file.metadata.row_group(group).num_rows
            ]
            table = pa.Table.from_batches(first, file.schema_arrow)
            whole = table.num_rows == file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"not a Parquet file ({reason})", file=path) from error
    columns = [_typed(name, table[name]) for name in table.column_names]
    known = [column for column in columns if column is not None]
    return Sample(known, {"format": "parquet"}, ["Parquet", *packed], whole)


def _typed(name: str, column: pa.ChunkedArray) -> Column | None:
    """The column as texts; None for lists, structures and bytes that are no texts."""
    plain = column.combine_chunks()
    if pa.types.is_dictionary(plain.type):
        plain = plain.dictionary_decode()
    if pa.types.is_floating(plain.type):
        plain = pc.if_else(pc.is_nan(plain), pa.scalar(None, plain.type), plain)
    try:
        texts = plain.cast(pa.string()).fill_null("")
    except pa.ArrowException:
        return None
    return Column(name, texts, bool(pa.types.is_temporal(plain.type)))
