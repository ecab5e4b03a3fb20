"""The text of a file, with what all text formats share taken care of."""

from __future__ import annotations

import codecs
from pathlib import Path

from llm4idrec.data.formats.compression import compressed, read_bytes
from llm4idrec.errors import InputError

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How texts begin that say their encoding."""
NULS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
"""Which of the first four bytes are NULs, and of what encoding."""


SAVE = "write its table as Parquet or CSV"
UNPACK = "unpack it, or pack it as gzip or Zstandard"
BINARIES: dict[str, tuple[bytes | tuple[bytes, ...], str]] = {
    "a Parquet file": (b"PAR1", "set data.format to parquet"),
    "an Excel workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as CSV"),
    "a SQLite database": (b"SQLite format 3\0", SAVE),
    "an Arrow file": ((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"), SAVE),
    "an ORC file": (b"ORC", SAVE),
    "an Avro file": (b"Obj\x01", SAVE),
    "an HDF5 file": (b"\x89HDF", SAVE),
    "a NumPy array": (b"\x93NUMPY", SAVE),
    "a pickle": (tuple(b"\x80%c" % version for version in range(2, 6)), SAVE),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c", UNPACK),
    "a RAR archive": (b"Rar!\x1a\x07", UNPACK),
    "an LZ4 file": (b"\x04\x22M\x18", UNPACK),
    "a file of `compress`": (b"\x1f\x9d", UNPACK),
}
"""How files begin that are no text, and what to do about them."""
BEGINNING = 4096


class NothingReadError(InputError):
    """A file without an interaction; among others in a folder it is passed over."""


def read_text(path: Path, encoding: str = "utf-8") -> bytes:
    r"""UTF-8 bytes without a byte order mark, each line ended by one `\n`.

    Raises `InputError` for an empty or unreadable file, bytes that are not of the encoding, and
    NULs and byte order marks in the text.
    """
    content = read_bytes(path)
    if b"\0" in content[:BEGINNING]:
        _require_no_binary(content, path)
    if not is_utf8(encoding):
        content = _as_utf8(content, encoding, path)
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.strip():
        raise NothingReadError("the file is empty", "at least one interaction", file=path)
    if b"\0" in content or not content.isascii():
        _require_text(content, path)
    return content if content.endswith(b"\n") else content + b"\n"


def is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _as_utf8(content: bytes, encoding: str, path: Path) -> bytes:
    start = 0
    if content.startswith(codecs.BOM_UTF8) and b"\0" not in content:
        found = "the file begins with the byte order mark of UTF-8"
        raise InputError(found, f"{encoding} text", "set data.encoding to utf-8", file=path)
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as error:
        start, found = error.start, f"byte 0x{content[error.start]:02x} is not {encoding}"
    except UnicodeError as error:
        found = f"cannot be read as {encoding} ({error})"
    before = content[:start].decode(encoding, "ignore").replace("\r\n", "\n").replace("\r", "\n")
    raise InputError(
        found,
        f"{encoding} text",
        "correct data.encoding, or mend the line",
        file=path,
        line=before.count("\n") + 1,
    )


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
    _require_no_binary(content, path)
    place, found = min(wrong)
    raise InputError(
        f"byte 0x{content[place]:02x} {found}",
        "UTF-8 text",
        "remove the mark" if place == marked else _remedy(content, nul >= 0),
        file=path,
        line=content.count(b"\n", 0, place) + 1,
    )


def _require_no_binary(content: bytes, path: Path) -> None:
    remedy = None
    for kind, (start, advice) in BINARIES.items():
        if content.startswith(start):
            found, remedy = f"is {kind}", advice
    if content[257:262] == b"ustar":
        found, remedy = "is a tar archive", "unpack it, and name the file in data.path"
    elif inner := compressed(content):
        found, remedy = f"is a {inner} file inside another", "decompress it"
    if remedy:
        raise InputError(found, "UTF-8 text", remedy, file=path)


def _remedy(content: bytes, nul: bool) -> str:
    """What to do about bytes that are not UTF-8, with the encoding that they look like."""
    guess = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    guess = guess or NULS.get(tuple(byte == 0 for byte in content[:4]))
    save = "save the file in that encoding"
    if guess:
        return f"{save}, or set data.encoding to {guess}, which it looks like"
    return save if nul else f"{save}, or set data.encoding to its own, such as cp1252 or latin-1"
