"""The files of a folder that are one table together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from llm4idrec.data.formats.compression import SUFFIXES
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError

MAX_FILES = 10_000


def files_of(folder: Path) -> list[str]:
    """The names below the folder, sorted, of its files and those of its folders.

    Those that begin with `.` or `_` (`_SUCCESS`) and DVC's are passed over. Raises `InputError`
    where there are none, too many, or files of several kinds.
    """
    names: dict[str, str] = {}
    found: list[str] = []
    for name in _walk(folder):
        names.setdefault(_kind(name), name)
        found.append(name)
        if len(names) > 1:
            raise InputError(
                f"is a folder that holds {' and '.join(sorted(names.values()))}",
                "files of one kind, which are one table",
                "name the one file in data.train, or move the others elsewhere",
                file=folder,
            )
        if len(found) > MAX_FILES:
            raise InputError(
                f"is a folder of more than {MAX_FILES} files",
                "the interactions alone",
                "name their folder in data.path, or join the files",
                file=folder,
            )
    if not found:
        raise InputError(
            "is a folder without a file",
            "files that are one table; names that begin with . or _ do not count",
            file=folder,
        )
    return sorted(found)


def _walk(folder: Path) -> Iterator[str]:
    seen = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        place = os.path.realpath(here)
        if place in seen:  # links in a circle
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in sorted(files):
            if name[0] not in "._" and not name.endswith(".dvc"):
                yield Path(here, name).relative_to(folder).as_posix()


def _kind(name: str) -> str:
    """The ending that says what a file is; numbers and compression say nothing of that."""
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z][a-z0-9]*", suffix) else ""


def partition(name: str) -> dict[str, str]:
    """Columns that the folders give, as in `day=2024-01-01/part-0.parquet`, and their values as
    written there."""
    return dict(part.split("=", 1) for part in Path(name).parts[:-1] if "=" in part)


def value_of(written: str, path: Path) -> str:
    """The value that a folder above the file `path` gives to a column, trimmed as cells are."""
    try:
        value = unquote(written, errors="strict").strip(" \t\n\v\f\r")
        value.encode()
    except UnicodeError as error:
        raise InputError(
            f"a folder is named for {written!a}",
            "UTF-8, escaped as in %C3%A9",
            "rename it",
            file=path,
        ) from error
    if "\0" in value:
        found = f"a folder is named for {shown(written)}"
        raise InputError(found, "no NUL in it", "rename it", file=path)
    return value
