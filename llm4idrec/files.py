"""Files and folders that appear whole or not at all, and long work that can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.errors import InputError

MARK = ".fingerprint"
COST = "cost.json"


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `path` when the block ends without an error."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _parents(path):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; it becomes `path` when the block ends without an error."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _parents(path):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            move_folder(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the parents of `path`; if the block fails, remove those that were not there before."""
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError("cannot be made", "folders above it, not files", file=path) from error
    try:
        yield
    except BaseException:
        for parent in made:
            with suppress(OSError):  # somebody else has put something there
                parent.rmdir()
        raise


@contextmanager
def resumable_folder(path: Path, fingerprint: str) -> Iterator[Path]:
    """Yield a working folder that survives a kill; it becomes `path` when the block ends.

    What an earlier, interrupted call left is kept if its `fingerprint` (a hash of every input
    and parameter that shapes the result) is the same, and removed otherwise.
    """
    partial = path.with_name(f".{path.name}.resumable")
    mark = partial / MARK
    if not (mark.is_file() and mark.read_text() == fingerprint):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        mark.write_text(fingerprint)
    yield partial
    mark.unlink()
    move_folder(partial, path)


@contextmanager
def publish(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends, `folder` holds only what was put in there."""
    target = folder / ".published"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    yield target
    for path in folder.iterdir():
        if path.is_dir() and path != target:
            shutil.rmtree(path)
        elif path.is_file() and path.name != MARK:
            path.unlink()
    for path in target.iterdir():
        path.replace(folder / path.name)
    target.rmdir()


def remove(*paths: Path) -> None:
    """Remove files and folders that may not be there, and the parents that this leaves empty."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for parent in [p for p in path.parents if p != Path()]:
            if not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def move_folder(source: Path, target: Path) -> None:
    """Rename `source` to `target`, replacing a folder that is there."""
    shutil.rmtree(target, ignore_errors=True)
    source.replace(target)


@contextmanager
def costing(folder: Path) -> Iterator[None]:
    """Leave in `folder`, once the block has made it, what that cost: `cost.json`.

    `seconds` is wall time; after a resumption it is the last call's. The file is no part of the
    content: `content_hash` and DVC (`.dvcignore`) pass it over.
    """
    started = time.perf_counter()
    yield
    write_json(folder / COST, {"seconds": round(time.perf_counter() - started, 2)})


def content_hash(*paths: Path) -> str:
    """Hex SHA-256 over the names and bytes of files and folders, in a fixed order."""
    digest = hashlib.sha256()
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != COST)
        for file in files:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def fingerprint(*paths: Path, **parameters: Any) -> str:
    """Hex SHA-256 of the content of `paths` and of JSON-able `parameters`."""
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256((content_hash(*paths) + text).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN is refused, because JSON has none."""
    with replacing_file(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_table(path: Path) -> pa.Table:
    """The Parquet file that a stage wrote; `InputError` if it is anything else."""
    with reading(path):
        return pq.read_table(path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """`InputError` where the block finds that `path` is not the Parquet file that a stage wrote."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"cannot be read ({reason})",
            "Parquet",
            "run the stage that writes it again",
            file=path,
        ) from error
