"""Histories in a file of which any process reads a part, without the rest in its memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa

from llm4idrec.runtime.files import replacing_file
from pipelines.registry.histories import ROWS, Histories


class HistoryFile:
    """Parts of some histories, in their order; only the pages that are looked at are read."""

    def __init__(self, path: Path) -> None:
        self._parts = pa.ipc.open_file(pa.memory_map(str(path)))

    @classmethod
    def write(cls, path: Path, histories: Histories, users: int) -> Self:
        """Put `histories` there, so many `users` in each part; whole or not at all."""
        with replacing_file(path) as partial, pa.ipc.new_file(partial, ROWS) as writer:
            for start in range(0, len(histories), users):
                writer.write_batch(histories.rows(slice(start, start + users)))
        return cls(path)

    def sizes(self) -> list[int]:
        """How many users each part has."""
        return [part.num_rows for part in self._all()]

    def frame(self, number: int) -> pd.DataFrame:
        """Of a part, see `frame`."""
        return frame(self._parts.get_batch(number))

    def _all(self) -> Iterator[pa.RecordBatch]:
        return map(self._parts.get_batch, range(self._parts.num_record_batches))


def frame(rows: pa.RecordBatch) -> pd.DataFrame:
    """`user`, and `items`, a list, of each of some rows of `ROWS`."""
    lists = rows["items"]
    own = pa.ListArray.from_arrays(lists.offsets, lists.values.dictionary_decode())
    return pd.DataFrame({"user": rows["user"].to_pylist(), "items": own.to_pylist()})
