"""Candidates on disk, read for some users at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.data.candidates import SCHEMA, require_schema
from llm4idrec.runtime.files import reading


class _RowGroup(NamedTuple):
    file: Path
    number: int
    rows: int
    first_user: float
    last_user: float


class CandidateFiles:
    """Files of `candidates.SCHEMA`, of which `columns` are read, user among them.

    It takes little memory where the rows of a user stand near each other, as all stages have it.
    """

    def __init__(self, files: Sequence[Path], columns: Sequence[str]) -> None:
        """Raises `InputError` for a file of something else."""
        self._columns = list(columns)
        self._groups = [group for file in files for group in _row_groups(file)]
        self.rows = sum(group.rows for group in self._groups)

    def of_users(self, first: int, end: int) -> pa.Table:
        """The rows of the users `first` to `end` - 1, in the order of the files."""
        tables = [
            self._rows(group, first, end)
            for group in self._groups
            if group.first_user < end and group.last_user >= first
        ]
        nothing = SCHEMA.empty_table().select(self._columns)
        return pa.concat_tables([nothing, *tables]).combine_chunks()

    def _rows(self, group: _RowGroup, first: int, end: int) -> pa.Table:
        with reading(group.file), pq.ParquetFile(group.file) as file:
            table = file.read_row_group(group.number, self._columns)
        if first <= group.first_user and group.last_user < end:
            return table
        user = table["user"]
        return table.filter(pc.and_(pc.greater_equal(user, first), pc.less(user, end)))


def _row_groups(path: Path) -> list[_RowGroup]:
    with reading(path), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    require_schema(schema, path)
    found = []
    for number, group in enumerate(groups):
        users = group.column(SCHEMA.names.index("user")).statistics
        known = users is not None and users.has_min_max
        ends = (users.min, users.max) if known else (-math.inf, math.inf)
        found.append(_RowGroup(path, number, group.num_rows, *ends))
    return found
