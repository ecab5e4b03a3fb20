"""The bytes of a text file, with what all text formats share taken care of."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.errors import InputError

MISSING = pa.array(["", "nan", "NaN", "NAN"])
LONGEST_ID = 4096
BINARY = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh9": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "Zstandard",
    b"PAR1": "Parquet",
}
"""How files begin that are no text, and what they are."""


def read_text(path: Path) -> bytes:
    r"""UTF-8 bytes without a byte order mark, each line ended by one `\n`.

    Raises `InputError` for an empty or unreadable file, bytes that are not UTF-8, and NULs and byte
    order marks in the text.
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
    if b"\0" in content or not content.isascii():
        _require_text(content, path)
    return content if content.endswith(b"\n") else content + b"\n"


def _require_text(content: bytes, path: Path) -> None:
    marked = content.find(codecs.BOM_UTF8)
    wrong = [] if marked < 0 else [(marked, "begins a byte order mark inside the text")]
    if (nul := content.find(b"\0")) >= 0:
        wrong.append((nul, "is a NUL"))
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong.append((error.start, "is not UTF-8"))
    if not wrong:
        return
    kind = next((name for start, name in BINARY.items() if content.startswith(start)), None)
    if kind:
        raise InputError(
            f"is a {kind} file",
            "UTF-8 text",
            "set data.format to parquet" if kind == "Parquet" else "decompress it",
            file=path,
        )
    place, found = min(wrong)
    raise InputError(
        f"byte 0x{content[place]:02x} {found}",
        "UTF-8 text",
        "remove the mark" if place == marked else "save the file in that encoding",
        file=path,
        line=content.count(b"\n", 0, place) + 1,
    )


def shown(text: str) -> str:
    """The text in quotation marks on one line, cut where it is long."""
    return repr(text if len(text) <= 80 else f"{text[:80]}...")


def listed(texts: Sequence[str]) -> str:
    """The first of them, parted by commas."""
    return ", ".join([*map(shown, texts[:20]), *(["..."] if len(texts) > 20 else [])])


def require_ids(name: str, ids: pa.Array, line: npt.NDArray[np.int64], path: Path) -> None:
    """`InputError` at the first ID that is empty, NaN or endless; `name` is `user` or `item`."""
    place = pc.index(pc.is_in(ids, MISSING), True).as_py()
    if place >= 0:
        found, expected = ids[place].as_py(), "an ID"
    elif (pc.max(pc.binary_length(ids)).as_py() or 0) > LONGEST_ID:
        place = pc.index(pc.greater(pc.binary_length(ids), LONGEST_ID), True).as_py()
        found, expected = ids[place].as_py(), f"at most {LONGEST_ID} bytes"
    else:
        return
    raise InputError(
        f"the {name} is {shown(found) if found else 'empty'}",
        expected,
        "mend or remove the line",
        file=path,
        line=int(line[place]),
    )
