"""Interaction files as people keep them -> one table of string IDs with line numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.formats.columns import read_separated
from llm4idrec.formats.lines import read_pairs, read_sequences
from llm4idrec.formats.parquet import read_parquet


def read_file(path: Path, data: DataConfig) -> pa.Table:
    """Read `path` in `data.format`.

    Columns: `user` and `item` (string), `timestamp` (int64, where `data.timestamp` names one; for
    the sequential formats the 0-based position in the user's list), `line` (int64, 1-based line of
    the text file, or row of the Parquet file). Rows stand in file order.

    Raises `InputError` with the line of the first fault.
    """
    _require_file(path)
    match data.format:
        case "csv" | "tsv" | "recbole":
            return read_separated(path, data)
        case "parquet":
            return read_parquet(path, data)
        case "selfrec_graph":
            return read_pairs(path)
        case "selfrec_sequential" | "llm_recsys_sequential":
            return read_sequences(path, data)


def _require_file(path: Path) -> None:
    # These answer for every path; pathlib raises for names that are too long.
    if os.path.isfile(path):  # noqa: PTH113
        return
    if os.path.isdir(path):  # noqa: PTH112
        raise InputError(
            "is a folder",
            "a file",
            f"set data.train to the name of a file in it ({_listing(path)})",
            file=path,
        )
    if os.path.exists(path):  # noqa: PTH110
        raise InputError("is a pipe or a device", "a file", "write the data to one", file=path)
    raise InputError(
        "there is no such file",
        "the interactions",
        f"correct data.path, data.train or data.test ({path.parent} holds {_listing(path.parent)})",
        file=path,
    )


def _listing(folder: Path) -> str:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except (OSError, ValueError):  # there is none, or it may not be looked into
        names = []
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "nothing"
