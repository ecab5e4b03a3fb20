"""What the machine refuses, told as one sentence as well, whichever package found it."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator

from llm4idrec.errors import LLM4IDRecError
from llm4idrec.runtime.interruption import Stopped

_TURN = 5.0
"""Seconds in which the first of several processes speaks: once one has ended, all are ended."""
_AGAIN = "run it again: it goes on where it stopped"
FAULTS = {
    errno.ENOSPC: f"the disk is full; make room and {_AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; make room and {_AGAIN}",
    errno.EROFS: "the file system is read-only; work in a folder that can be written",
    errno.EACCES: "permission denied; give this user the right, or work in another folder",
    errno.EIO: f"the disk has failed to read or write; mend it and {_AGAIN}",
    errno.EBUSY: f"another process keeps a database locked; wait for it or end it, and {_AGAIN}",
    errno.ENOMEM: "memory is used up; end other programs, or take a machine with more, or smaller "
    f"data, and {_AGAIN}",
    errno.EMFILE: f"too many files are open; raise `ulimit -n` and {_AGAIN}",
}
_SQLITE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
}
_RUST = re.compile(r"\(os error (\d+)\)")  # of safetensors and tokenizers


UNHEARD = 128 + signal.SIGPIPE
"""Exit code, as that signal would have it."""


class MachineError(LLM4IDRecError):
    """The disk, the rights or the limits of this machine stand in the way."""


def say_once(error: LLM4IDRecError | Stopped) -> None:
    """Its sentence on stderr; of those that `accelerate launch` started here the first says it."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(error, file=sys.stderr)
    else:
        time.sleep(_TURN)


def exit_code(
    run: Callable[[], object],
    *,
    debug: bool,
    say: Callable[[LLM4IDRecError], None] = say_once,
) -> int:
    """Call `run`: 0, or after a failure that is known, or a signal, and is said, its exit code;
    `UNHEARD`, without a word, if whoever read the output has left, as `head` does.

    With `debug` every failure is raised.
    """
    try:
        run()
    except Stopped as stopped:
        say_once(stopped)
        return stopped.exit_code
    except Exception as error:
        if nobody_listens(error):
            return UNHEARD
        known = error if isinstance(error, LLM4IDRecError) else machine_error(error)
        if any(isinstance(cause, MemoryError) for cause in _causes(error)):  # whoever caught it
            known = machine_error(error)
        if debug or known is None:
            raise
        say(known)
        return known.exit_code
    return 0


def nobody_listens(error: BaseException) -> bool:
    """Whether `error` comes from a pipe that stdout leads to, and whose reader has left."""
    if sys.stdout is None or not any(isinstance(e, BrokenPipeError) for e in _causes(error)):
        return False
    listener = select.poll()
    try:
        listener.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no file, or a closed one
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in listener.poll(0))


def machine_error(error: BaseException) -> MachineError | None:
    """The fault behind `error`, or behind what led to it; None if it is none of the machine."""
    for cause in _causes(error):
        if (number := _number(cause)) in FAULTS:
            file = getattr(cause, "filename", None)
            return MachineError(f"{file}: {FAULTS[number]}" if file else FAULTS[number])
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Each once: an error can be its own cause."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _number(error: BaseException) -> int:
    """As `errno` has it; 0 if it is no such error."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError):
        return error.errno or 0
    if isinstance(error, sqlite3.OperationalError):
        return _SQLITE.get(error.sqlite_errorcode & 0xFF, 0)  # without the extension
    found = _RUST.search(str(error))
    return int(found[1]) if found else 0
