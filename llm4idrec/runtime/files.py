"""Files and folders that appear whole or not at all, and long work that can be resumed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.errors import BusyError, InputError

MARK = ".fingerprint"
COST = "cost.json"


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `path` when the block ends without an error."""
    partial = _beside(path, "partial")
    with _parents(path):
        _tidy(path)
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; it becomes `path` when the block ends without an error."""
    partial = _beside(path, "partial")
    with _parents(path):
        _tidy(path)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            _move_folder(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def real_path(path: Path) -> Path:
    """Absolute, and where a link leads. Unlike pathlib's, this returns for a circle of links, and
    then it is one of these."""
    return Path(os.path.realpath(path))


def _beside(path: Path, kind: str) -> Path:
    """A hidden name of this process's own: `partial`, not yet `path`; `replaced`, no longer."""
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


def _move_folder(source: Path, target: Path) -> None:
    """Rename `source` to `target`; a folder that is there makes way by a rename as well."""
    replaced = _beside(target, "replaced")
    with suppress(FileNotFoundError):
        target.replace(replaced)
    source.replace(target)
    shutil.rmtree(replaced, ignore_errors=True)


def _tidy(path: Path) -> None:
    """Remove what writers of `path` left that were killed; what one of them had moved aside comes
    back if nothing took its place."""
    prefix = f".{path.name}."
    for left in [p for p in path.parent.iterdir() if p.name.startswith(prefix)]:
        number, _, kind = left.name.removeprefix(prefix).partition(".")
        if kind not in ("partial", "replaced") or not number.isdecimal() or _runs(int(number)):
            continue
        if kind == "replaced" and not path.exists():
            left.replace(path)
        elif left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the parents of `path`; if the block fails, remove those that were not there before."""
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:  # as in /proc
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
    """Yield a folder for half-done work on `path` that survives a kill, and the block's end too.

    What an earlier call left is kept if its `fingerprint` (a hash of every input and parameter
    that shapes the result) and the library's code are the same, and removed otherwise. `path` is
    to be written from it in one go; `forget_work` removes it once `path` is where it should be.
    Raises `BusyError` if another process is at work there.
    """
    work = work_folder(path)
    with _parents(path):
        work.mkdir(exist_ok=True)
    busy = f"{path}: another process is at work on it; wait until it is done, or end it"
    with locked(work / MARK, busy) as mark:
        wanted = f"{fingerprint} {code_hash()}"
        if mark.read() != wanted:
            mark.truncate(0)  # first: what is half removed is nothing to go on from
            remove(*(child for child in work.iterdir() if child.name != MARK))
            mark.write(wanted)
            mark.flush()
        yield work


def forget_work(*paths: Path) -> None:
    """Remove what `resumable_folder` kept of `paths`, which are finished."""
    for work in map(work_folder, paths):
        if work.is_dir():
            remove(work / MARK)  # first: what is half removed is nothing to go on from
            shutil.rmtree(work, ignore_errors=True)


def work_folder(path: Path) -> Path:
    """Where `resumable_folder` has half-done work on `path`."""
    return path.with_name(f".{path.name}.resumable")


@contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[IO[str]]:
    """Yield the open lock file `path`; one process at a time is inside, also after a kill.

    Others wait, or stop with `BusyError` if `busy`, the sentence to say, is given.
    """
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            raise BusyError(str(busy)) from error
        lock.seek(0)
        yield lock


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


@cache
def code_hash() -> str:
    """Hex SHA-256 of the library's code."""
    return content_hash(*sorted(Path(__file__).parents[1].rglob("*.py")))


def python_path() -> str:
    """A `PYTHONPATH` with which a new process finds this library, in whatever folder it is."""
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))
    return os.pathsep.join(filter(None, paths))


def fingerprint(*paths: Path, **parameters: Any) -> str:
    """Hex SHA-256 of the content of `paths` and of JSON-able `parameters`.

    Raises `InputError` for a path that is not there.
    """
    for path in paths:
        if not path.exists():
            raise _missing(path)
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


def _missing(path: Path) -> InputError:
    remedy = "run the stage that writes it first"
    return InputError("there is no such file", remedy=remedy, file=path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """`InputError` where the block finds that `path` is not the Parquet file that a stage wrote."""
    try:
        yield
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"cannot be read ({reason})",
            "Parquet",
            "run the stage that writes it again",
            file=path,
        ) from error
