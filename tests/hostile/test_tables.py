"""Malformed CSV, TSV and RecBole files, each refused at its line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hostile.refusal import COLUMNS, FILE, Case, refused, write_parameters

SEPARATORS = {"csv": ",", "tsv": "\t", "recbole": "\t"}
HEADERS = {
    "csv": ("user", "item", "time"),
    "tsv": ("user", "item", "time"),
    "recbole": ("user:token", "item:token", "time:float"),
}
ROWS = [("anna", "x", "5"), ("bert", "y", "6"), ("carl", "z", "7"), ("dora", "é", "8")]
NUMBERS = "99999999999999999999 -99999999999999999999 1e19 1e-99 1_000 ５ --5 5e 0x 1.2.3"
TIMES = f"noon 12:00 2026-01-01 NaN inf -inf null <script> {NUMBERS}".split()


def table(format: str, *rows: tuple[str, ...], header: tuple[str, ...] = ()) -> bytes:
    mark = SEPARATORS[format]
    return "".join(f"{mark.join(row)}\n" for row in (header or HEADERS[format], *rows)).encode()


def good(format: str) -> bytes:
    return table(format, *ROWS)


def cells(format: str) -> Iterator[Case]:
    """A cell that is wrong, on line 4."""
    for place, role in enumerate(("user", "item")):
        for name, value, found in [
            ("empty", "", "is empty; expected an ID"),
            ("blanks", "  ", "is empty; expected an ID"),
            *((word, word, f"is '{word}'; expected an ID") for word in ("nan", "NaN", "NAN")),
            ("5000 letters", "a" * 5000, f"is '{'a' * 80}...'; expected at most 4096 bytes"),
            ("5000 accents", "é" * 2500, f"is '{'é' * 80}...'; expected at most 4096 bytes"),
        ]:
            row = list(ROWS[2])
            row[place] = value
            content = table(format, *ROWS[:2], tuple(row), ROWS[3])
            yield Case(f"{role} {name}", content, f"the {role} {found}", 4)
    for value in ("", "9" * 3000, *TIMES):
        content = table(format, *ROWS[:2], ("carl", "z", value), ROWS[3])
        found = f"the timestamp is '{value[:80]}"
        if value == "2026-01-01":
            found += "', ISO 8601, and on line 2 '5', a number; expected one spelling in the whole"
        yield Case(f"time {value[:30]}", content, found, 4)
    for width in (1, 2, 4, 100):
        content = table(format, *ROWS[:2], ("a",) * width, ROWS[3])
        more = "s" if width > 1 else ""
        yield Case(f"{width} cells", content, f"{width} column{more}; expected 3, as in the", 4)


def headers(format: str) -> Iterator[Case]:
    """A header that is wrong."""
    right = HEADERS[format]
    names = ("user", "item", "time")
    for place, (name, role) in enumerate(zip(names, ("user", "item", "timestamp"), strict=True)):
        other = tuple("other" if k == place else column for k, column in enumerate(right))
        found = f"there is no column {name!r}; expected one of "
        yield Case(f"no {name}", table(format, *ROWS, header=other), found)
        assert role in ("user", "item", "timestamp")
        twice = table(format, *((*row, "1") for row in ROWS), header=(*right, right[place]))
        yield Case(f"{name} twice", twice, f"column {name!r} is there 2 times; expected one")
    numbers = table(format, ("2", "3", "5"), header=("1", "2", "5"))
    yield Case("none", numbers, "no header: the first line holds 1, 2, 5; expected", 1)
    yield Case("line is blank", b"\n" + good(format), "no column has a name; expected", 1)
    mark = SEPARATORS[format]
    yield Case("of marks", f"{mark}{mark}\n".encode() + good(format), "no column has a name", 1)
    wide = mark.join(f"column{number}" for number in range(20_000)).encode() + b"\n1\n"
    yield Case("20000 columns", wide, "there is no column 'user'; expected one of 'column0'")
    found = "the line has 2000000 characters; expected at most 1048576"
    yield Case("of 2 MB", b"a" * 2_000_000 + b"\n" + good(format), found, 1)
    missing = "item" if format == "recbole" else "user"
    with_semicolons = good(format).replace(mark.encode(), b";")
    yield Case("semicolons", with_semicolons, f"there is no column '{missing}'; expected one of ")
    yield Case("again", good(format) * 2, "the header once more; expected it once", 6)


def encodings(format: str) -> Iterator[Case]:
    """Bytes that are no UTF-8 text."""
    before, after = table(format, *ROWS[:2]), b"carl%bz%b7\n" % ((SEPARATORS[format].encode(),) * 2)
    for name, start in [
        ("Latin-1", "Zoë".encode("latin-1")),
        ("Windows-1252", b"\x93anna\x94"),
        ("Shift-JIS", "日本".encode("shift-jis")),
        ("cut off", "漢".encode()[:2]),
        ("overlong", b"\xc0\xaf"),
        ("surrogate", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf5\x80\x80\x80"),
        ("0xff", b"\xff"),
    ]:
        place = next(k for k, byte in enumerate(start) if byte > 127)
        found = f"byte 0x{start[place]:02x} is not UTF-8; expected UTF-8 text; save the file"
        yield Case(name, before + start + after, found, 4)
    for codec in ("utf-16", "utf-32"):
        encoded = good(format).decode().encode(codec)
        yield Case(codec, encoded, "byte 0xff is not UTF-8; expected UTF-8 text", 1)
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        encoded = good(format).decode().encode(codec)
        yield Case(codec, encoded, "byte 0x00 is a NUL; expected UTF-8 text; save the file", 1)
    yield Case("NUL", before + b"\0" + after, "byte 0x00 is a NUL; expected UTF-8 text", 4)
    yield Case("NULs at the end", good(format) + b"\0" * 512, "byte 0x00 is a NUL; expected", 6)
    found = "byte 0xef begins a byte order mark inside the text"
    yield Case("BOM on line 4", before + b"\xef\xbb\xbf" + after, found, 4)
    yield Case("two BOMs", b"\xef\xbb\xbf" * 2 + good(format), found, 1)


def binaries(format: str) -> Iterator[Case]:
    """What is no text at all."""
    text = good(format)
    archive, parquet = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ratings.csv", text)
    pq.write_table(pa.table({"user": ["a"]}), parquet)
    zstandard = pa.compress(text, codec="zstd", asbytes=True)
    compressed = gzip.compress(text)
    for kind, content in [
        ("gzip", compressed),
        ("bzip2", bz2.compress(text)),
        ("xz", lzma.compress(text)),
        ("Zstandard", zstandard),
        ("zip", archive.getvalue()),
    ]:
        found = f"the {kind} file cannot be decompressed ("
        yield Case(f"{kind}, cut off", content[: len(content) * 2 // 3], found)
        if kind != "Zstandard":  # without a checksum here
            broken = content[:20] + bytes(255 - byte for byte in content[20:40]) + content[40:]
            yield Case(f"{kind}, broken", broken, found)
        found = f"is a {kind} file inside another; expected UTF-8 text; decompress it"
        yield Case(f"{kind}, twice", gzip.compress(content), found)
    found = "is a Parquet file; expected UTF-8 text; set data.format to parquet"
    yield Case("Parquet", parquet.getvalue(), found)
    yield Case("PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 0x89 is not UTF-8", 1)
    yield Case("SQLite", b"SQLite format 3\0\x10\0", "is a SQLite database; expected UTF-8")
    yield Case("pickle", b"\x80\x04\x95\x0b\0", "is a pickle; expected UTF-8 text")
    for name, content in [
        ("nothing", b""),
        ("a BOM", b"\xef\xbb\xbf"),
        ("blank lines", b"\n\r\n\r  \t\n"),
    ]:
        yield Case(name, content, "the file is empty; expected at least one interaction")
    yield Case("a header", table(format), "there is a header but nothing below it; expected at")
    yield Case("a header and blank lines", table(format) + b"\n\n\n", "there is a header but")


def quotes() -> Iterator[Case]:
    """Quotation marks that do not end; CSV only."""
    start = table("csv", *ROWS[:2])
    found = "a quotation mark does not end; expected another one behind the cell"
    yield Case("last cell", start + b'carl,z,"7\ndora,v,8\n', found, 4)
    yield Case("very last", start + b'carl,z,"7', found, 4)
    yield Case("after one that ends", start + b'"carl","z","7\n\n\ndora,v,8\n', found, 4)
    ragged = "expected 3, as in the header; mend or remove the line"
    yield Case("first cell", start + b'"carl,z,7\ndora,v,8\n', "1 column; " + ragged, 4)
    yield Case("second cell", start + b'carl,"z,7\ndora,v,8\n', "2 columns; " + ragged, 4)
    found = "a line break in quotation marks; expected the column names; mend the header line"
    yield Case("header", b'"user,item,time\nanna,x,5\n', found, 1)
    yield Case("header that ends", b'"us\ner",item,time\nanna,x,5\n', found, 1)
    tabs = start.replace(b",", b";")
    yield Case("semicolons in marks", b'"' + tabs + b'"', "a line break in quotation marks", 1)
    for size, found in ((600_000, "the item is 'z\\nz\\n"), (3_000_000, "the line has 6000005 ")):
        long = start + b'carl,"' + b"z\n" * size + b'",7\n'
        yield Case(f"{size} lines in marks", long, found, 4)


def long_lines(format: str) -> Iterator[Case]:
    """Lines that no table has; the largest is read once."""
    mark = SEPARATORS[format].encode()
    start = table(format, *ROWS[:2])
    for name, size in (("2", 2_000_000), ("50", 50_000_000)):
        yield Case(f"{name} MB, one cell", start + b"a" * size, "1 column; expected 3", 4)
    long = mark.join([b"carl", b"z" * 5_000_000, b"7\n"])
    found = "the line has 5000005 characters; expected at most 1048576; mend the line"
    yield Case("5 MB, three cells", start + long, found, 4)
    yield Case("2 MB, marks only", start + mark * 2_000_000, "2000001 columns; expected 3", 4)


CASES = [
    pytest.param(format, case, id=f"{format}-{case.name}")
    for format in SEPARATORS
    for cases in (cells, headers, encodings, binaries, long_lines)
    for case in cases(format)
] + [pytest.param("csv", case, id=f"csv-quotes-{case.name}") for case in quotes()]


@pytest.mark.parametrize(("format", "case"), CASES)
def test_refused(format: str, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_bytes(case.content)
    write_parameters(format=format, **COLUMNS)
    said = refused(capsys, case.place + case.found)
    assert "; expected " in said
