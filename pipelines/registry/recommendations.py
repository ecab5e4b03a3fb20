"""Items for new users: a file of histories in, the registered model's candidates out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow.exceptions import MlflowException
from tqdm import tqdm

from llm4idrec.data.omission import Omission
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import (
    fingerprint,
    forget_work,
    real_path,
    replacing_file,
    resumable_folder,
)
from pipelines.registry.answers import OUT, write_items
from pipelines.registry.formats import COMPRESSED, READ_ONLY, format_of
from pipelines.registry.histories import Histories, read_histories

SHARD_USERS = 1024
"""That are asked about at once, and are asked about again after a kill."""
LEFT = b"left"
"""Key of what a shard's file says of users and items that were left out."""


def recommend(
    model: str,
    histories: Path,
    to: Path,
    *,
    items: int,
    columns: Mapping[str, str | None],
    unknown: str,
) -> tuple[int, int, int]:
    """Write the file `to` with columns `OUT`, at most so many `items` a user, by the `model` that
    MLflow finds under that address; how many rows, for how many users, and how many there are.

    `histories` and `columns` are as in `read_histories`. IDs are those of the data that the model
    was tuned on. Users whom nothing is proposed to have no row: stderr says who they are and why.
    `unknown`, as in `AdapterModel`, is for those it knows nothing about.
    A killed call resumes after its last whole shard of `SHARD_USERS`.
    Raises `InputError` for a file or a model that cannot be used, `BusyError` if another process
    is writing the same file.
    """
    _check(histories, to, items)
    given = read_histories(histories, columns)
    loaded = _load(model)
    if loaded.metadata.get_params_schema() is None and unknown != "skip":
        raise InputError(
            f"{model} was registered before versions knew what is popular",
            remedy="leave --unknown out, or run `python -m pipelines.run report` for a new version",
        )
    target = real_path(to)
    mark = fingerprint(
        histories, model=loaded.metadata.model_uuid, columns=dict(columns),
        items=items, unknown=unknown, users=SHARD_USERS,
    )  # fmt: skip
    try:
        with resumable_folder(target, mark) as work:
            shards = Shards(work, given, loaded, items, unknown)
            shards.finish()
            write_items(shards.tables(), to)
            rows, served = shards.told()
    except InputError:
        forget_work(target)  # nothing goes on from an input that is to be another
        raise
    forget_work(target)
    return rows, served, len(given)


@dataclass(frozen=True)
class Shards:
    """The answers for so many users at a time, each a file of `OUT`."""

    folder: Path
    histories: Histories
    model: mlflow.pyfunc.PyFuncModel
    items: int
    """The most for a user."""
    unknown: str

    def files(self) -> list[Path]:
        """In the order of the users; those that are not there yet too."""
        n = -(-len(self.histories) // SHARD_USERS)
        return [self.folder / f"shard-{number:05d}.parquet" for number in range(n)]

    def finish(self) -> None:
        """Make those that are not there."""
        files, n_users = self.files(), len(self.histories)
        few = len(files) == 1
        with tqdm(total=n_users, desc="recommend", unit="user", disable=few) as bar:
            for number, file in enumerate(files):
                users = slice(number * SHARD_USERS, min((number + 1) * SHARD_USERS, n_users))
                if not file.exists():
                    self._make(users, file)
                bar.update(users.stop - users.start)

    def tables(self) -> Iterator[pa.Table]:
        """One after another."""
        for file in self.files():
            yield pq.read_table(file).replace_schema_metadata()

    def told(self) -> tuple[int, int]:
        """Numbers of rows and of users who have some; what was left out is said on stderr."""
        rows = served = 0
        left: list[list[Omission]] = []
        for file in self.files():
            table = pq.read_table(file, columns=["user"])
            rows, served = rows + len(table), served + len(table["user"].unique())
            parts = json.loads(table.schema.metadata[LEFT])
            left.append([Omission(**part | {"first": tuple(part["first"])}) for part in parts])
        for parts in zip(*left, strict=True):
            if (whole := Omission.together(parts)).count:
                # Not a logger: those that exist are disabled when MLflow makes its database.
                print(whole, file=sys.stderr)
        return rows, served

    def _make(self, users: slice, file: Path) -> None:
        found, left = self._ask(self.histories.frame(users))
        best = found.loc[found["rank"] <= self.items, OUT.names]
        said = json.dumps([asdict(omission) for omission in left])
        table = pa.Table.from_pandas(best, OUT, preserve_index=False)
        with replacing_file(file) as partial:
            pq.write_table(table.replace_schema_metadata({LEFT: said}), partial)

    def _ask(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Omission]]:
        try:
            inside: Any = self.model.unwrap_python_model()
        except MlflowException:  # it is of another kind
            inside = None
        if hasattr(inside, "answer"):
            answer: tuple[pd.DataFrame, list[Omission]] = inside.answer(frame, self.unknown)
            return answer
        # An older version says itself what it leaves out, of each shard.
        params = None if self.unknown == "skip" else {"unknown": self.unknown}
        return self.model.predict(frame, params), []


def _check(histories: Path, to: Path, items: int) -> None:
    """What can be said before anything is read."""
    if items < 1:
        raise InputError(f"--items is {items}", "at least 1")
    if os.path.isdir(to):  # noqa: PTH112, which raises for names that are too long
        raise InputError("is a folder", "a file to write", file=to)
    real = real_path(to)
    if real.is_symlink() or (os.path.exists(real) and not os.path.isfile(real)):  # noqa: PTH110, PTH113
        raise InputError("is a device, a pipe or a circle of links", "a file to write", file=to)
    if to.suffix.lower() in READ_ONLY:
        raise InputError("cannot be compressed so", f"one of {', '.join(COMPRESSED)}", file=to)
    if format_of(to) == "parquet" and to.suffix.lower() in COMPRESSED:
        remedy = f"leave {to.suffix} out"
        raise InputError("Parquet is compressed in itself", "no compression", remedy, file=to)
    if to.exists() and histories.exists() and to.samefile(histories):
        raise InputError("--to is the file of --histories", "another file", file=to)


def _load(model: str) -> mlflow.pyfunc.PyFuncModel:
    try:
        mlflow.models.get_model_info(model)
    except Exception as error:  # each kind of place has its package, and that its own
        reason = " ".join(getattr(error, "message", str(error)).split()).rstrip(".")
        raise InputError(
            f"there is no model {model} ({reason})",
            "one that is registered",
            "`python -m pipelines.run promote` makes a champion",
        ) from error
    return mlflow.pyfunc.load_model(model)
