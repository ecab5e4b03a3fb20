"""The process of a command line: what its terminal can show, how it is stopped, how it ends."""

from __future__ import annotations

import atexit
import codecs
import os
import sys
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import PurePath
from types import TracebackType
from typing import NoReturn

from llm4idrec.errors import without_passwords
from llm4idrec.runtime.faults import UNHEARD
from llm4idrec.runtime.interruption import Stopped, handle_signals

_PLAIN = {"−": "-", "–": "-", "·": "*", "…": "...", "’": "'", "×": "x", "→": "->", "≤": "<="}
"""For terminals that have ASCII or Latin-1 only; anything else is escaped, as in `\\xe9`."""


class _Ending:
    """How the process ends; `code` is what it ends with."""

    code = 0

    def __call__(self) -> NoReturn:
        """Not through the destructors of C++ libraries: Arrow's threads may still be at work, and
        a process whose output is complete would abort (exit code -6)."""
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except BrokenPipeError:
                self.code = self.code or UNHEARD
            except (OSError, ValueError):  # a closed file, or a full disk
                self.code = self.code or 120  # as Python has it
        os._exit(self.code)


_ending = _Ending()


def begin() -> None:
    """To be called before the imports that take time, so that these can be stopped as well."""
    if find_spec("pyarrow") is None:
        remedy = (
            "install them with `pip install llm4idrec`, or in the repository use .venv/bin/python"
        )
        sys.exit(f"{sys.executable} has not the packages that llm4idrec needs: {remedy}")
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # which was closed
            stream.reconfigure(errors="plain")  # type: ignore[union-attr]
    handle_signals()
    sys.excepthook = show_error
    # The first to be registered is the last to be called.
    atexit.register(_ending)


def program() -> str:
    """The name that the commands of this package are called by."""
    name = PurePath(sys.argv[0]).name
    return name if name == "llm4idrec" else "python -m llm4idrec"


def end(main: Callable[[], int]) -> NoReturn:
    """Call `main`, and end with the exit code that it returns."""
    try:
        _ending.code = main()
    except SystemExit as leaving:  # of argparse
        _ending.code = int(leaving.code or 0)
    sys.exit(_ending.code)


def show_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Python's traceback; what other packages say of a URL may have its password in it."""
    _ending.code = 1
    if isinstance(error, Stopped):
        _ending.code = error.exit_code
        lines = [f"{error}\n"]
    else:
        lines = traceback.format_exception(kind, error, trace)
    print(without_passwords("".join(lines)), file=sys.stderr, end="")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """A handler of encoding errors, for `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    shown = "".join(_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in found)
    return shown, error.end
