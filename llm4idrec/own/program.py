"""A program of the user's that is run to learn: what it is given, and how it may fail."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from llm4idrec.config.own import PLACEHOLDER, PLACEHOLDERS, OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError, KilledWorkerError
from llm4idrec.own import guard
from llm4idrec.own.handed_in import HandedIn, read_handed_in
from llm4idrec.own.training_files import write_training
from llm4idrec.runtime.interruption import interrupt_waiting

PREFIX = "llm4idrec-own-"
"""Of the names of the folders in which programs work, where `TMPDIR` says."""
_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMEXPR", "NUMBA")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}
"""As our own trainings have it: several are made at a time. A command may set another number."""
_SIGNALS = {its.value: its.name for its in signal.Signals}
_END, _LINES, _SHOWN = 1 << 14, 5, 500
"""Bytes of the output that are looked at; lines, and characters, that are told."""


def learned_by_program(settings: OwnConfig, train: Interactions, *, seed: int, k: int) -> HandedIn:
    """What the command hands in once it has learnt `train`; `k` is how many items a ranking needs.

    It works in a folder that is removed at the end, whatever happens to this process. Raises
    `InputError` if it fails, or hands in something else than it should.
    """
    shape = train.n_users, train.n_items
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    data, out = folder / "data", folder / "out"
    given = dict(zip(PLACEHOLDERS, (data, out, seed, k, *shape), strict=True))
    command = filled(str(settings.command), given | settings.settings)
    with _guard(folder, command, settings.time_limit) as guarding:
        data.mkdir()
        out.mkdir()
        write_training(data, train, format=settings.reads)
        _require_success(settings, _run(guarding), folder / guard.LOG)
        try:
            handed_in = read_handed_in(out, settings.writes, shape=shape)
            handed_in.require_trained(train, out, k=k)
        except InputError as error:  # the folder will not be there
            raise error.moved(out, Path("{out}")) from error
    return handed_in


def filled(command: str, values: Mapping[str, object]) -> str:
    """The command with values in the places of their names, quoted as the shell wants them.

    >>> filled("train --to {out} --depth {depth}", {"out": "a b", "depth": 3})
    "train --to 'a b' --depth 3"
    """
    return PLACEHOLDER.sub(lambda found: shlex.quote(_text(values[found[1]])), command)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _guard(folder: Path, command: str, time_limit: float | None) -> subprocess.Popen[str]:
    """The process that runs the command once it is told to, and removes the folder."""
    return subprocess.Popen(
        [sys.executable, "-I", guard.__file__, str(folder), str(time_limit or 0), command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
        start_new_session=True,  # out of reach of the terminal, so that it can put away
    )


def _run(guarding: subprocess.Popen[str]) -> str:
    """How the command ended, as `guard` says it."""
    assert guarding.stdin is not None
    assert guarding.stdout is not None
    interrupt_waiting()
    with suppress(BrokenPipeError):
        guarding.stdin.write("begin\n")
        guarding.stdin.flush()
    return guarding.stdout.readline().strip()


def _require_success(settings: OwnConfig, ended: str, log: Path) -> None:
    if ended == "0":
        return
    if not ended:
        command = shown(" ".join(str(settings.command).split()))
        raise KilledWorkerError(f"the process that runs {command} was killed; run it again")
    how = _how(ended) if ended != guard.OVER_TIME else f"takes longer than {settings.time_limit} s"
    command = shown(" ".join(str(settings.command).split()))
    said = _last_lines(log)
    said = f"the last that it said: {said}" if said else "it said nothing"
    raise InputError(f"the command {command} {how}; {said}")


def _how(ended: str) -> str:
    """In words; a shell adds 128 to the signal that ended what it ran."""
    code = int(ended)
    number = -code if code < 0 else code - 128
    name = _SIGNALS.get(number, f"signal {number}")
    if code < 0:
        return f"was ended by {name}"
    return f"ended with exit code {code}" + (f" ({name})" if number > 0 else "")


def _last_lines(log: Path) -> str:
    """On one line, and nothing that a terminal would obey."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _END))
        text = stream.read().decode("utf-8", "replace")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    end = " | ".join([line for line in lines if line][-_LINES:])
    return "".join(c if c.isprintable() else "?" for c in end)[-_SHOWN:]
