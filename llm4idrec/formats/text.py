"""The bytes of a text file, with what all text formats share taken care of."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.errors import InputError

MISSING = pa.array(["", "nan", "NaN", "NAN"])


def read_text(path: Path) -> bytes:
    r"""UTF-8 bytes without a byte order mark, each line ended by one `\n`.

    Raises `InputError` for an empty or unreadable file and for bytes that are not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.strip():
        raise InputError("the file is empty", "at least one interaction", file=path)
    if not content.isascii():
        _require_utf8(content, path)
    return content if content.endswith(b"\n") else content + b"\n"


def _require_utf8(content: bytes, path: Path) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            "UTF-8 text",
            "save the file in that encoding",
            file=path,
            line=content.count(b"\n", 0, error.start) + 1,
        ) from error


def require_ids(name: str, ids: pa.Array, line: npt.NDArray[np.int64], path: Path) -> None:
    """`InputError` at the first ID that is empty or NaN; `name` is `user` or `item`."""
    missing = pc.is_in(ids, MISSING)
    place = pc.index(missing, True).as_py()
    if place >= 0:
        found = ids[place].as_py()
        raise InputError(
            f"the {name} is {repr(found) if found else 'empty'}",
            "an ID",
            "mend or remove the line",
            file=path,
            line=int(line[place]),
        )
