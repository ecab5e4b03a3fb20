"""The encoding of a text, by its bytes."""

from __future__ import annotations

import re
from pathlib import Path

from llm4idrec.data.formats.text import MARKS, NULS
from llm4idrec.errors import InputError

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_LONGEST_WESTERN = 3
"""Letters with accents that follow each other in Western words."""


def encoding_of(content: bytes, path: Path) -> str:
    """Python's name of the encoding; it is a guess where the text is neither UTF-8 nor UTF-16.

    Raises `InputError` for letters that could be of many encodings, such as Cyrillic ones.
    """
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name
    if named := NULS.get(tuple(byte == 0 for byte in content[:4])):
        return named
    if b"\0" in content or _is(content, "utf-8"):  # no text: its reader says what it is
        return "utf-8"
    runs = [len(run) for run in _BEYOND_ASCII.findall(content)]
    if all(run % 2 == 0 for run in runs) and _is(content, "gb18030"):
        return "gb18030"  # two bytes a letter
    if sum(run > _LONGEST_WESTERN for run in runs) > 0.1 * len(runs):
        raise InputError(
            "the text is neither UTF-8 nor of a Western encoding",
            "UTF-8, UTF-16, cp1252 or GB 18030",
            "save it as UTF-8",
            file=path,
        )
    return "cp1252" if _is(content, "cp1252") else "latin-1"


def _is(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
