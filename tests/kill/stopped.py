"""A command that a test stops: `python -m tests.kill.stopped TASK` says `begun`, and takes long."""

from __future__ import annotations

import sys

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

import gc
import os
import signal
import time
import weakref

from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.workers import worker_pool


def nap(seconds: float) -> None:
    os.write(1, b"begun\n")  # at once, for processes share it
    time.sleep(seconds)


def in_workers() -> None:
    from tests.kill import stopped  # workers know modules, not the program that started them

    with worker_pool(2) as run:
        os.write(1, b"begun\n")  # at once, for processes share it
        list(run(stopped.nap, [60.0, 60.0]))


class Thing:
    """Collected while the signal comes, when Python ignores what is raised."""

    def __init__(self) -> None:
        self.itself = self


def while_an_object_is_collected() -> None:
    thing = Thing()
    watch = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    del thing
    gc.collect()
    time.sleep(60)
    del watch


TASKS = {
    "workers": in_workers,
    "collection": while_an_object_is_collected,
    "nap": lambda: nap(60),
    "error": lambda: int("an error that nobody knows"),
}

if __name__ == "__main__":
    command_line.end(lambda: exit_code(TASKS[sys.argv[1]], debug=False))
