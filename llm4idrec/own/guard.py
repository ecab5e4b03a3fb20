"""Runs a program for a process that may die: the program does not outlive that process.

    python guard.py FOLDER SECONDS COMMAND

Once its parent has written a line, the command is run, with its output in the file `log` of FOLDER;
how it ended is a line of output. Everything in the program's session is killed when the command has
ended, when SECONDS (0: any number) are over, and when the parent closes the pipe or dies; at that
FOLDER is removed. What the program has put into a session of its own, a daemon, is not found. It
needs nothing but Python, so that it starts at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

LOG = "log"
OVER_TIME = "over time"
PROC = Path("/proc")


def main(folder: Path, seconds: float, command: str) -> None:
    try:
        if sys.stdin.readline():
            _run(command, folder / LOG, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: str, log: Path, seconds: float) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what the parent does not hear, the program may
    with log.open("wb") as output:
        program = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    parent = Thread(target=_end_with_parent, args=(program,))
    parent.start()
    try:
        ended = str(program.wait(seconds or None))
    except subprocess.TimeoutExpired:
        ended = OVER_TIME
    _kill_session(program.pid)
    program.wait()
    with suppress(BrokenPipeError):
        print(ended, flush=True)
    parent.join()  # who may be reading what the program has left


def _end_with_parent(program: subprocess.Popen[bytes]) -> None:
    sys.stdin.read()
    if program.poll() is None:
        _kill_session(program.pid)


def _kill_session(session: int) -> None:
    """Until there is nobody left who was not killed yet; the killed may stay for a while."""
    killed: set[int] = set()
    while found := _members(session) - killed:
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        killed |= found


def _members(session: int) -> set[int]:
    """Also those that are in other groups of processes, as `timeout` puts them."""
    members = set()
    for process in _processes():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process) == session:
                members.add(process)
    return members


def _processes() -> list[int]:
    if (PROC / "self").exists():
        return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, check=True)
    return [int(word) for word in listed.stdout.split()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
