"""Interaction files as people keep them -> one table of string IDs with line numbers."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.columns import read_separated
from llm4idrec.data.formats.conditions import fulfilled
from llm4idrec.data.formats.doubts import point_out
from llm4idrec.data.formats.folder import files_of, partition, value_of
from llm4idrec.data.formats.ids import require_ids
from llm4idrec.data.formats.json_lines import read_json_lines, require_keys
from llm4idrec.data.formats.lines import read_pairs, read_sequences
from llm4idrec.data.formats.parquet import read_parquet
from llm4idrec.data.formats.text import NothingReadError
from llm4idrec.data.formats.times import is_numeric, read_times
from llm4idrec.data.shown import shown
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError


def read_file(path: Path, data: DataConfig) -> pa.Table:
    """Read `path`, a file or a folder whose files are one table, in `data.format`.

    Columns: `user` and `item` (string), `timestamp` (int64, where `data.timestamp` names one; for
    the sequential formats the 0-based position in the user's list), `line` (int64, 1-based line of
    the text file, or row of the Parquet file; `Source` says how it goes on in a folder). Rows stand
    in file order, without those that do not meet the conditions of `data`. What is doubtful is said
    on stderr.

    Raises `InputError` with the line of the first fault.
    """
    read, header, source = _read_all(path, data)
    if data.format == "jsonl":
        require_keys(read, data.columns, header, path=path)
    counted = fulfilled(read, data, source)
    table = read if counted is None else read.filter(counted)
    require_ids(table, data, source)
    columns = ["user", "item", "line"]
    digits = None
    if "timestamp" in table.column_names:
        columns.insert(2, "timestamp")
        of_numbers = is_numeric(table["timestamp"])
        times, exponent = read_times(table, source)
        table = table.set_column(table.column_names.index("timestamp"), "timestamp", times)
        digits = exponent if of_numbers else None
    if counted is not None:
        source = replace(source, dropped=len(read) - len(table))
        said = f"{len(table)} of {len(read)} rows meet data.where and data.min_rating"
        print(f"{path}: {said}", file=sys.stderr)
    point_out(table, header, data=data, source=source, digits=digits)
    return source.described(table.select(columns))


def _read_all(path: Path, data: DataConfig) -> tuple[pa.Table, list[str], Source]:
    """The rows as they stand there, the names of the first file's columns, and whence they are."""
    if not os.path.isdir(path):  # noqa: PTH112, which raises for names that are too long
        _require_file(path)
        return *_read(path, data, {}), Source(path)
    parts: list[pa.Table] = []
    headers: list[list[str]] = []
    files, before = [], [0]
    empty = None
    for name in files_of(path):
        _require_file(path / name)
        try:
            table, header = _read(path / name, data, partition(name))
        except NothingReadError as error:
            empty = error
            continue
        lines = pc.add(table["line"], before[-1])
        parts.append(table.set_column(table.column_names.index("line"), "line", lines))
        headers.append(header)
        files.append(name)
        before.append(lines[-1].as_py())
    if empty and not parts:
        raise empty
    source = Source(path, files, before[:-1])
    if data.format.endswith("_sequential"):
        _require_one_file_a_user(parts, source)
    try:
        return pa.concat_tables(parts, promote_options="permissive"), headers[0], source
    except pa.ArrowException as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"the files do not make one table ({reason})",
            "columns of the same types",
            file=path,
        ) from error


def _read(path: Path, data: DataConfig, given: dict[str, str]) -> tuple[pa.Table, list[str]]:
    """One file, and the names of its columns; those that its folders give are `given`."""
    match data.format:
        case "selfrec_graph":
            return read_pairs(path, data), []
        case "selfrec_sequential" | "llm_recsys_sequential":
            return read_sequences(path, data), []
    named = data.columns
    wanted = {role: name for role, name in named.items() if name not in given}
    reader = {"parquet": read_parquet, "jsonl": read_json_lines}.get(data.format, read_separated)
    table, header = reader(path, data, wanted)
    for role in named.keys() - wanted.keys():
        value = value_of(given[named[role]], path)
        table = table.append_column(role, pa.repeat(value, len(table)))
    return table.select([*named, "line"]), header


def _require_one_file_a_user(parts: list[pa.Table], source: Source) -> None:
    seen = pa.array([], pa.string())
    for part in parts:
        again = pc.index(pc.is_in(part["user"], seen), True).as_py()
        if again >= 0:
            raise InputError(
                f"user {shown(part['user'][again].as_py())} has a line already, in another file",
                "one line a user, in time order",
                "join the two lines",
                **source.place(part["line"][again].as_py()),
            )
        seen = pa.concat_arrays([seen, pc.unique(part["user"])])


def _require_file(path: Path) -> None:
    # These answer for every path; pathlib raises for names that are too long.
    if os.path.isfile(path):  # noqa: PTH113
        return
    if os.path.exists(path):  # noqa: PTH110
        raise InputError("is a pipe or a device", "a file", "write the data to one", file=path)
    remedy = "correct data.path, data.train or data.test"
    remedy += f" ({path.parent} holds {_listing(path.parent)})"
    for name in re.findall(r"\$\{?(\w+)", str(path)):
        if name not in os.environ:
            remedy = f"set the variable {name}, which is not set, or {remedy}"
    raise InputError("there is no such file", "the interactions", remedy, file=path)


def _listing(folder: Path) -> str:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except (OSError, ValueError):  # there is none, or it may not be looked into
        names = []
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "nothing"
