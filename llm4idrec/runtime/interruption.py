"""Being told to stop: by Ctrl-C, which a terminal sends to every process of a command at once, or
by whoever manages the machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_IMPATIENCE = 1.0
"""Seconds after which a repeated signal is a second wish, not the echo of the first: `make` and
job schedulers pass on what their children were sent already."""
_AGAIN = 0.05
"""Seconds."""


class Stopped(KeyboardInterrupt):
    """A signal wants the process to end; no `Exception`, which one might take for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__("stopped; run it again: it goes on where it stopped")
        self.exit_code = 128 + number


class StopHandler:
    """The first signal raises `Stopped`; who insists while things are put away ends it at once."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise Stopped(number)
        if now - self._first > _IMPATIENCE:
            os._exit(128 + number)

    def raise_again(self, ignored: sys.UnraisableHookArgs) -> None:
        """What Python ignores because it was raised while an object was collected comes again."""
        if not isinstance(ignored.exc_value, Stopped):
            sys.__unraisablehook__(ignored)
            return
        self._first = None
        number = ignored.exc_value.exit_code - 128
        threading.Timer(_AGAIN, os.kill, (os.getpid(), number)).start()


def handle_signals() -> None:
    """For the whole process; what it was started to ignore, as by `nohup`, it goes on ignoring."""
    handler = StopHandler()
    sys.unraisablehook = handler.raise_again
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started inside never hear Ctrl-C: whoever started them does, and ends
    them. (They inherit the mask of signals; a handler they would first have to install.)"""
    # Not above: what it registers for the end has to be registered after `command_line.begin`.
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which unblocks the signal, if it is started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    interrupt_waiting()


def interrupt_waiting() -> None:
    """Have signals end a wait for a process, as Python means them to.

    Importing polars, as MLflow does where it is installed, puts a handler before Python's with
    which the kernel goes on waiting: Python is not told of the signal before the process ends.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if callable(signal.getsignal(number)):
            signal.siginterrupt(number, True)


def end_with_parent(end: Callable[[], object]) -> None:
    """Call `end` once the process that started this one is gone: a killed parent cannot stop its
    children, and they would train on."""
    # Not above, as in `deaf_to_interrupts`.
    from multiprocessing import parent_process

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            end()

    threading.Thread(target=wait, daemon=True).start()
