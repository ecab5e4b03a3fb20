"""Functions of stages one after another, outside of the flow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from llm4idrec.artifacts import Artifact, Files
from llm4idrec.config import Config
from llm4idrec.language_model.launch import ARGUMENTS
from llm4idrec.runtime.files import forget_work
from llm4idrec.runtime.ray_pool import ADDRESS

Line = tuple[tuple[Artifact, Callable[[Files, Config], None]], ...]
"""Functions of stages, in their order, each with what it writes; importable."""


def run_line(line: Line, given: Files, config: Config, *, folder: Path) -> Files:
    """What the line writes, each in a folder of its own in `folder`, from what is `given`.

    A killed call goes on where it was.
    """
    written = {artifact: folder / artifact.name for artifact, _ in line}
    for artifact, stage in line:
        if not written[artifact].is_dir():
            stage(given | written, config)
        forget_work(written[artifact])
    return written


@contextmanager
def by_itself() -> Iterator[None]:
    """In this process, whatever others there are for a stage, and without a word: the bars of
    several would write over each other."""
    elsewhere = {name: os.environ.pop(name, None) for name in (ADDRESS, ARGUMENTS)}
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            yield
    finally:
        os.environ.update({name: value for name, value in elsewhere.items() if value is not None})
