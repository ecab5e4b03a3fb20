"""The bytes of a file; a compressed one is known by how it begins, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llm4idrec.data.shown import listed
from llm4idrec.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "gzip": rb"\x1f\x8b",
    "zip": rb"PK(\x03\x04|\x05\x06)",
    "bzip2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",
    "xz": rb"\xfd7zXZ\0",
    "Zstandard": rb"\(\xb5/\xfd|[\x50-\x5f]\*M\x18",  # or a frame to skip, as of pzstd
}
SUFFIXES = frozenset({".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".zip"})
BLOCK = 1 << 24
PLENTY = 1 << 28
"""Bytes that a file may hold however small it is."""
MAX_EXPANSION = 100
"""More than `PLENTY` may be so many times the size of the file; interactions are 3 to 20 times."""


def compressed(content: bytes) -> str | None:
    """The kind of compressed file that begins like this."""
    return next((kind for kind, start in KINDS.items() if re.match(start, content)), None)


def read_bytes(path: Path) -> bytes:
    """What the file holds, decompressed; `InputError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            kind = compressed(file.read(16))
            if kind is None:
                file.seek(0)
                return file.read()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    with _refusals(kind, path), _opened(kind, path) as stream:
        return _unpacked(stream, kind, path)


def _unpacked(stream: Any, kind: str, path: Path) -> bytes:
    max_bytes = max(PLENTY, MAX_EXPANSION * path.stat().st_size)
    content = io.BytesIO()
    while block := stream.read(BLOCK):
        content.write(block)
        if content.tell() > max_bytes:
            raise InputError(
                f"the {kind} file holds more than {max_bytes} bytes",
                f"at most {MAX_EXPANSION} times its size",
                "decompress it if that is right",
                file=path,
            )
    return content.getvalue()


@contextmanager
def _opened(kind: str, path: Path) -> Iterator[Any]:
    if kind == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(_only_file(archive, path)) as stream:
            yield stream
    elif kind == "Zstandard":
        with pa.input_stream(path, compression="zstd") as stream:
            yield stream
    elif kind == "gzip":
        with gzip.open(path) as stream:
            yield stream
    elif kind == "bzip2":
        with bz2.open(path) as stream:
            yield stream
    else:
        with lzma.open(path) as stream:
            yield stream


def _only_file(archive: zipfile.ZipFile, path: Path) -> str:
    """The name of the one file, not counting what macOS adds."""
    names = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/") and "/." not in f"/{name}"
    ]
    if "[Content_Types].xml" in names or "META-INF/manifest.xml" in names:
        kind = "is an Excel workbook" if "xl/workbook.xml" in names else "is a document"
        raise InputError(kind, "a text or Parquet file", "save it as CSV", file=path)
    if len(names) != 1:
        raise InputError(
            f"the zip file holds {listed(names) if names else 'nothing'}",
            "one file",
            "unpack it, and name the file, or a folder of files, in data.path",
            file=path,
        )
    return names[0]


@contextmanager
def _refusals(kind: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,  # a password
        NotImplementedError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        pa.ArrowException,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the {kind} file cannot be decompressed ({reason})",
            "a whole one",
            "fetch or make it again",
            file=path,
        ) from error
