"""The answers of the registered model for many users, a shard of them at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.data.omission import Omission
from llm4idrec.runtime.files import replacing_file
from llm4idrec.runtime.workers import worker_pool
from pipelines import environment
from pipelines.registry.answers import OUT
from pipelines.registry.history_file import HistoryFile

LEFT = b"left"
"""Key of what a shard's file says of users and items that were left out."""


@dataclass(frozen=True)
class Asked:
    """What users are to get."""

    items: int
    """The most for a user."""
    unknown: str
    """As in `AdapterModel`."""


@dataclass(frozen=True)
class Shards:
    """What any process needs to make one, each a file of `OUT`; plain data."""

    folder: Path
    """Where the shards are; absolute."""
    mark: str
    """A hash of all that shapes them: for the same, a process loads the model once."""
    asked: Asked

    @property
    def histories(self) -> Path:
        """A `HistoryFile` with a part for each shard."""
        return self.folder / "histories.arrow"

    @property
    def model(self) -> Path:
        """The folder of an MLflow model."""
        return self.folder / "model"

    def finish(self, workers: int) -> None:
        """Make those that are not there, so many at a time."""
        sizes = HistoryFile(self.histories).sizes()
        left = [number for number in range(len(sizes)) if not self._file(number).exists()]
        if not left:
            return
        bar = tqdm(
            total=sum(sizes),
            initial=sum(sizes) - sum(sizes[number] for number in left),
            desc="recommend",
            unit="user",
            disable=len(sizes) == 1,
        )
        with bar, worker_pool(min(workers, len(left))) as run:
            for users in run(self.make, left):
                bar.update(cast(int, users))

    def make(self, number: int) -> int:
        """Write the file of a shard; returns how many users were asked about."""
        model, histories = _loaded(self)
        users = histories.frame(number)
        found, left = _answer(model, users, self.asked.unknown)
        best = found.loc[found["rank"] <= self.asked.items, OUT.names]
        said = json.dumps([asdict(omission) for omission in left])
        table = pa.Table.from_pandas(best, OUT, preserve_index=False)
        with replacing_file(self._file(number)) as partial:
            pq.write_table(table.replace_schema_metadata({LEFT: said}), partial)
        return len(users)

    def tables(self) -> Iterator[pa.Table]:
        """One after another."""
        for file in self._files():
            yield pq.read_table(file).replace_schema_metadata()

    def told(self) -> tuple[int, int]:
        """Numbers of rows and of users who have some; what was left out is said on stderr."""
        rows = served = 0
        left: list[list[Omission]] = []
        for file in self._files():
            table = pq.read_table(file, columns=["user"])
            rows, served = rows + len(table), served + len(table["user"].unique())
            parts = json.loads(table.schema.metadata[LEFT])
            left.append([Omission(**part | {"first": tuple(part["first"])}) for part in parts])
        for parts in zip(*left, strict=True):
            if (whole := Omission.together(parts)).count:
                # Not a logger: those that exist are disabled when MLflow makes its database.
                print(whole, file=sys.stderr)
        return rows, served

    def _file(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.parquet"

    def _files(self) -> list[Path]:
        return [self._file(number) for number in range(len(HistoryFile(self.histories).sizes()))]


@lru_cache(maxsize=1)
def _loaded(shards: Shards) -> tuple[Any, HistoryFile]:
    """The model, as MLflow loads it, and the histories."""
    environment.set_variables()  # a machine of a Ray cluster does not have them
    import mlflow

    return mlflow.pyfunc.load_model(str(shards.model)), HistoryFile(shards.histories)


def _answer(model: Any, frame: pd.DataFrame, unknown: str) -> tuple[pd.DataFrame, list[Omission]]:
    """What an `AdapterModel` answers."""
    from mlflow.exceptions import MlflowException

    try:
        inside: Any = model.unwrap_python_model()
    except MlflowException:  # it is of another kind
        inside = None
    if hasattr(inside, "answer"):
        answer: tuple[pd.DataFrame, list[Omission]] = inside.answer(frame, unknown)
        return answer
    # An older version says itself what it leaves out, of each shard.
    return model.predict(frame, None if unknown == "skip" else {"unknown": unknown}), []
