"""Parquet files written piece by piece, whose bytes do not tell where the pieces were cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1 << 20
"""Of a row group: what `pq.write_table` takes."""


def write_pieces(path: Path, schema: pa.Schema, pieces: Iterable[pa.Table]) -> None:
    """Write tables of `schema` below one another."""
    with pq.ParquetWriter(path, schema) as writer:
        for group in _regrouped(pieces, schema):
            writer.write_table(group.replace_schema_metadata(schema.metadata), ROWS)


def read_pieces(path: Path, rows: int) -> Iterator[pa.Table]:
    """The tables of at most so many rows that make up a file."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch])


def _regrouped(pieces: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    kept = schema.remove_metadata().empty_table()
    first = True
    for piece in pieces:
        kept = pa.concat_tables([kept, piece])
        while len(kept) > ROWS:
            yield kept.slice(0, ROWS).combine_chunks()
            kept, first = kept.slice(ROWS), False
    if len(kept) or first:
        yield kept.combine_chunks()


class Sections:
    """Rows that come mixed and are to stand apart: each section in a file until all are there.

    A context manager.
    """

    def __init__(self, folder: Path, schema: pa.Schema, sections: Iterable[object]) -> None:
        """`folder` is there, and for nothing else."""
        self._open = ExitStack()
        self._files = {section: folder / f"{n}.parquet" for n, section in enumerate(sections)}
        self._writers = {
            section: self._open.enter_context(pq.ParquetWriter(file, schema, compression="none"))
            for section, file in self._files.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, section: object, rows: pa.Table) -> None:
        """Put rows below those that the section has."""
        if len(rows):
            self._writers[section].write_table(rows)

    def pieces(self) -> Iterator[pa.Table]:
        """All rows, section after section; nothing can be added any more."""
        self._open.close()
        for file in self._files.values():
            yield from read_pieces(file, ROWS)
