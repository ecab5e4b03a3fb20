"""One tree of errors: whatever a user can mend is an `InputError`, shown as one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_USER_AND_PASSWORD = re.compile(r"(://?[^\s/:@]*):[^\s/]*@")
_TOKEN = re.compile(r"(https?://)[^\s/:@]+@")


def without_passwords(text: str) -> str:
    """The same text where what stands for a password in a URL is not to be read.

    >>> without_passwords("https://me:secret@host/path")
    'https://me:***@host/path'
    """
    return _TOKEN.sub(r"\1***@", _USER_AND_PASSWORD.sub(r"\1:***@", text))


class LLM4IDRecError(Exception):
    """Base of every error this package raises on purpose; no password of a URL is in it."""

    exit_code = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(without_passwords(sentence))


class InputError(LLM4IDRecError):
    """Something the user gave cannot be used; says where, what was found, expected and to do.

    >>> str(InputError("the file is empty", "at least one interaction", file="a.csv"))
    'a.csv: the file is empty; expected at least one interaction'
    """

    exit_code = 2

    def __init__(
        self,
        found: str,
        expected: str | None = None,
        remedy: str | None = None,
        *,
        file: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        self.found, self.remedy = found, remedy
        self._place: dict[str, Any] = {"expected": expected, "file": file, "line": line}
        place = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        sentence = place + found
        if expected:
            sentence += f"; expected {expected}"
        if remedy:
            sentence += f"; {remedy}"
        super().__init__(sentence)

    def advising(self, remedy: str | None) -> InputError:
        """The same with another remedy, for who read a file without `params.yaml`."""
        return InputError(self.found, remedy=remedy, **self._place)

    def moved(self, folder: Path, to: Path) -> InputError:
        """The same of a file that is to be called otherwise: below `to`, not below `folder`."""
        file = self._place["file"]
        if file is None or not Path(file).is_relative_to(folder):
            return self
        place = self._place | {"file": to / Path(file).relative_to(folder)}
        return InputError(self.found, remedy=self.remedy, **place)


class MissingColumnError(InputError):
    """A file has no column, or no key, for the `role`: user, item, timestamp..."""

    def __init__(self, role: str, *sentence: str, file: Path) -> None:
        super().__init__(*sentence, file=file)
        self.role = role


class DivergenceError(LLM4IDRecError):
    """Training produced a loss or weights that are not finite, or a loss that grows."""


class BusyError(LLM4IDRecError):
    """Another process is at work on the same files."""


class KilledWorkerError(LLM4IDRecError):
    """Worker processes are killed from outside, one after another."""
