"""The kinds of files that `recommend` reads and writes, by their endings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from llm4idrec.errors import InputError

Format = Literal["csv", "tsv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""Of files that are no CSV, in small or capital letters; what follows for compression does not
count."""
COMPRESSED = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
READ_ONLY = (".xz", ".zip")
"""Compression of histories only."""
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


def format_of(path: Path) -> Format:
    """Raises `InputError` for a spreadsheet."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    endings = [suffix for suffix in suffixes if suffix not in (*COMPRESSED, *READ_ONLY)]
    if endings and endings[-1] in WORKBOOKS:
        expected = "CSV, TSV, JSON lines or Parquet"
        raise InputError("is a spreadsheet", expected, "use it as CSV", file=path)
    return ENDINGS.get(endings[-1], "csv") if endings else "csv"
