"""The file of items that `recommend` writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import real_path, replacing_file
from llm4idrec.runtime.row_groups import write_pieces
from pipelines.registry.formats import COMPRESSED, format_of

OUT = pa.schema(
    {
        "user": pa.string(),
        "item": pa.string(),
        "rank": pa.int32(),
        "mean_log_probability": pa.float32(),
    }
)


def write_items(tables: Iterable[pa.Table], to: Path) -> None:
    """Tables of `OUT` below one another, in the format that the file's name says; whole or not at
    all."""
    with replacing_file(real_path(to)) as partial:
        if (kind := format_of(to)) == "parquet":
            write_pieces(partial, OUT, tables)
            return
        compression = COMPRESSED.get(to.suffix.lower())
        with pa.output_stream(str(partial), compression=compression) as stream:
            if kind == "jsonl":
                for table in tables:
                    stream.write(_json_lines(table))
                return
            try:
                _write_separated(tables, stream, tabs=kind == "tsv")
            except pa.ArrowInvalid as error:
                found = "an ID has a quotation mark or a tab in it"
                raise InputError(found, "none in TSV", "write CSV or Parquet", file=to) from error


def _json_lines(table: pa.Table) -> bytes:
    if not len(table):
        return b""
    text = table.to_pandas().to_json(orient="records", lines=True, force_ascii=False)
    return str(text).encode()


def _write_separated(tables: Iterable[pa.Table], stream: pa.NativeFile, *, tabs: bool) -> None:
    plain = {"delimiter": "\t", "quoting_style": "none", "quoting_header": "none"}
    options = pacsv.WriteOptions(**(plain if tabs else {}))
    with pacsv.CSVWriter(stream, OUT, write_options=options) as writer:
        for table in tables:
            writer.write_table(table)
