"""What a call shares with the program of its caller: a folder, the terminal, random numbers."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO

_PREFIX = "llm4idrec-call-"
IN_USE = ".in-use"
"""File in a temporary folder, locked as long as its process lives."""


class Workplace:
    """The folder that a call works in, absolute; made if it is not there.

    A temporary one is removed when it is left, when nobody refers to this object any more, or at
    the end of the program; if that was killed, by the next call of another. Other folders stay.
    """

    def __init__(self, folder: Path | str | None) -> None:
        self.leave: Callable[[], object] = lambda: None
        if folder is None:
            _remove_abandoned()
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self.leave = weakref.finalize(self, _remove, self.path, _taken(self.path))
        else:
            self.path = Path(folder).absolute()
            self.path.mkdir(parents=True, exist_ok=True)


def _taken(folder: Path) -> IO[str]:
    """The lock; nobody sees it before it is locked."""
    unseen = folder / f"{IN_USE}.not-yet"
    lock = unseen.open("w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unseen.rename(folder / IN_USE)
    return lock


def _remove(folder: Path, lock: IO[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()


def _remove_abandoned() -> None:
    """What killed processes left: a notebook's kernel that does not end at once is killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / IN_USE).open("r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def talking(*, progress: bool) -> Iterator[None]:
    """Inside, what is printed goes to stderr or, without `progress`, nowhere."""
    if progress:
        with redirect_stdout(sys.stderr):
            yield
        return
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Inside, torch may be seeded; its state comes back. Nothing here draws from numpy's."""
    import torch

    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(range(torch.cuda.device_count()) if used else []):
        yield
