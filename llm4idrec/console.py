"""The command `llm4idrec`, which does what `python -m llm4idrec` does."""

from __future__ import annotations

from typing import NoReturn

from llm4idrec.runtime import command_line


def main() -> NoReturn:
    """Signals are heard before the imports that take time."""
    command_line.begin()
    from llm4idrec import __main__ as commands

    command_line.end(commands.main)
