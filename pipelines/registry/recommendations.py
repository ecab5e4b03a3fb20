"""Items for new users: a file of histories in, the registered model's candidates out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import mlflow
from mlflow.models.model import ModelInfo

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import fingerprint, forget_work, real_path, resumable_folder
from pipelines.registry.answers import write_items
from pipelines.registry.formats import COMPRESSED, READ_ONLY, format_of
from pipelines.registry.histories import read_histories
from pipelines.registry.history_file import HistoryFile
from pipelines.registry.shards import Asked, Shards

SHARD_USERS = 1024
"""That are asked about at once, and are asked about again after a kill."""


def recommend(
    model: str,
    histories: Path,
    to: Path,
    *,
    columns: Mapping[str, str | None],
    asked: Asked,
    workers: int,
) -> tuple[int, int, int]:
    """Write the file `to` with columns `OUT`, of `asked`, by the `model` that MLflow finds under
    that address; how many rows, for how many users, and how many there are.

    `histories` and `columns` are as in `read_histories`. IDs are those of the data that the model
    was tuned on. Users whom nothing is proposed to have no row: stderr says who they are and why.
    So many `workers` are asked side by side, or the Ray cluster of `worker_pool`, each about
    `SHARD_USERS` at once on one thread; none of that changes a byte. A killed call resumes, and
    what was a whole shard is not asked again.
    Raises `InputError` for a file or a model that cannot be used, `BusyError` if another process
    is writing the same file, `KilledWorkerError` as `worker_pool` does.
    """
    _check(histories, to, items=asked.items, workers=workers)
    given = read_histories(histories, columns)
    users, info = len(given), _registered(model, asked)
    target = real_path(to)
    mark = fingerprint(
        histories, model=info.model_uuid, columns=dict(columns),
        items=asked.items, unknown=asked.unknown, users=SHARD_USERS,
    )  # fmt: skip
    try:
        with resumable_folder(target, mark) as work:
            shards = Shards(work, mark, asked)
            if not shards.histories.exists():
                HistoryFile.write(shards.histories, given, SHARD_USERS)
            del given  # from here on everybody reads their part of the file
            if not shards.model.exists():
                _fetch(model, shards.model)
            shards.finish(workers)
            write_items(shards.tables(), to)
            rows, served = shards.told()
    except InputError:
        forget_work(target)  # nothing goes on from an input that is to be another
        raise
    forget_work(target)
    return rows, served, users


def _check(histories: Path, to: Path, **counts: int) -> None:
    """What can be said before anything is read; `counts` are options of the command."""
    for option, count in counts.items():
        if count < 1:
            raise InputError(f"--{option} is {count}", "at least 1")
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


def _registered(model: str, asked: Asked) -> ModelInfo:
    """What MLflow knows of a model, which can answer what is `asked`."""
    try:
        info = mlflow.models.get_model_info(model)
    except Exception as error:  # each kind of place has its package, and that its own
        reason = " ".join(getattr(error, "message", str(error)).split()).rstrip(".")
        raise InputError(
            f"there is no model {model} ({reason})",
            "one that is registered",
            "`python -m pipelines.run promote` makes a champion",
        ) from error
    if asked.unknown != "skip" and getattr(info.signature, "params", None) is None:
        raise InputError(
            f"{model} was registered before versions knew what is popular",
            remedy="leave --unknown out, or run `python -m pipelines.run report` for a new version",
        )
    return info


def _fetch(model: str, to: Path) -> None:
    """Leave a copy of the model's folder: the same for every process, whatever an alias comes to
    mean, and without a way to the registry."""
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        place = Path(scratch) / to.name
        found = mlflow.artifacts.download_artifacts(artifact_uri=model, dst_path=str(place))
        Path(found).replace(to)
