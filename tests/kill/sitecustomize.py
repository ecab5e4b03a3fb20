"""Put on PYTHONPATH by the harness: kills the process, as nothing can prevent, at a chosen moment.

`KILL_AT` holds `stage|event|number|when|mark`: in the process whose command line ends with `stage`,
`before` or `after` the `number`-th rename to a path that holds `event`, or, where that is
`call:NAME`, the call of a function of that name. The file `mark` is made first: it happens once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any


def _die(mark: str) -> None:
    Path(mark).touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _at_rename(event: str, number: int, when: str, mark: str) -> None:
    seen = 0

    def watched(real: Callable[..., None]) -> Callable[..., None]:
        def rename(source: Any, target: Any, **more: Any) -> None:
            nonlocal seen
            hit = event in os.fsdecode(target)
            seen += hit
            if hit and seen == number and when == "before":
                _die(mark)
            real(source, target, **more)
            if hit and seen == number and when == "after":
                _die(mark)

        return rename

    os.replace, os.rename = watched(os.replace), watched(os.rename)  # what Path uses, too


def _at_call(name: str, number: int, when: str, mark: str) -> None:
    seen, kind = 0, {"before": "call", "after": "return"}[when]

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal seen
        if event == kind and frame.f_code.co_name == name:
            seen += 1
            if seen == number:
                _die(mark)

    sys.setprofile(profile)


def _arm() -> None:
    stage, event, number, when, mark = os.environ["KILL_AT"].split("|")
    command = Path("/proc/self/cmdline").read_text().replace("\0", " ").strip()
    if command.endswith(stage) and not Path(mark).exists():
        kind, _, name = event.rpartition(":")
        (_at_call if kind else _at_rename)(name, int(number), when, mark)


if "KILL_AT" in os.environ:
    _arm()
