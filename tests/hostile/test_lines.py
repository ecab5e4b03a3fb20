"""Malformed files of SELFRec's and LLM-RecSys-ID's formats, each refused at its line."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from tests.hostile.refusal import FILE, Case, refused, write_parameters

GOOD = {
    "selfrec_graph": b"anna x 1\nbert y 1\n",
    "selfrec_sequential": b"anna:x y z\nbert:y z\n",
    "llm_recsys_sequential": b"anna x y z\nbert y z\n",
}


def bytes_(format: str) -> Iterator[Case]:
    """What no text format takes, on line 3 or in the whole file."""
    good = GOOD[format]
    last = good.splitlines(keepends=True)[-1].replace(b"bert", b"ca%brl")
    for name, part, found in [
        ("NUL", b"\0", "byte 0x00 is a NUL"),
        ("Latin-1", b"\xe9", "byte 0xe9 is not UTF-8"),
        ("overlong", b"\xc0\xaf", "byte 0xc0 is not UTF-8"),
        ("surrogate", b"\xed\xa0\x80", "byte 0xed is not UTF-8"),
        ("BOM", b"\xef\xbb\xbf", "byte 0xef begins a byte order mark inside the text"),
    ]:
        yield Case(name, good + last % part + good, found, 3)
    for codec in ("utf-16", "utf-32"):
        encoded = good.decode().encode(codec)
        yield Case(codec, encoded, "byte 0xff is not UTF-8; expected UTF-8 text", 1)
    encoded = good.decode().encode("utf-16-le")
    yield Case("utf-16-le", encoded, "byte 0x00 is a NUL; expected UTF-8 text", 1)
    for name, content in [
        ("nothing", b""),
        ("BOM only", b"\xef\xbb\xbf"),
        ("blanks", b" \t\r\n\n"),
    ]:
        yield Case(name, content, "the file is empty; expected at least one interaction")
    cut = gzip.compress(good)[:12]
    yield Case("gzip, cut off", cut, "the gzip file cannot be decompressed (")
    yield Case("Parquet", b"PAR1\x15\x04\xff", "is a Parquet file; expected UTF-8 text")


def ids(format: str) -> Iterator[Case]:
    """IDs that are none, on line 3."""
    good = GOOD[format]
    item = {"selfrec_graph": "carl %s 1", "selfrec_sequential": "carl:x %s y"}
    user = {"selfrec_graph": "%s x 1", "selfrec_sequential": "%s:x y"}
    for role, forms in (("item", item), ("user", user)):
        form = forms.get(format, "carl x %s" if role == "item" else "%s x y")
        for word in ("nan", "NaN", "NAN"):
            content = good + (form % word).encode()
            yield Case(f"{role} {word}", content, f"the {role} is '{word}'; expected an ID", 3)
        for size in (4097, 1_000_000):
            content = good + (form % ("é" * size)).encode()
            found = f"the {role} is '{'é' * 80}...'; expected at most 4096 bytes"
            yield Case(f"{role} of {size}", content, found, 3)


def graph() -> Iterator[Case]:
    good = GOOD["selfrec_graph"]
    expected = "expected `user item` or `user item weight`, 3 words as in the first line"
    for count in (1, 2, 4, 50):
        content = good + b"a " * count + b"\n" + good
        yield Case(f"{count} words", content, f"{count} word{'s'[: count - 1]}; {expected}", 3)
    yield Case("two million words", good + b"a " * 2_000_000, f"2000000 words; {expected}", 3)
    for count in (1, 4):
        content = b"a " * count + b"\n" + good
        yield Case(f"{count} first", content, f"{count} word{'s'[: count - 1]}; expected", 1)
    for weight in ("one", "nan", "inf", "0x1", "1,5", "--1", "1e", "é", "٣", "1" * 5000 + "x"):
        content = good + f"carl z {weight}\n".encode()
        yield Case(f"weight {weight[:9]}", content, f"the weight is '{weight[:80]}", 3)
    yield Case("header", b"user item rating\n" + good, "the weight is 'rating'", 1)
    yield Case("commas", b"anna,x,1\nbert,y,1\n", "1 word; expected `user item`", 1)


def sequences(format: str) -> Iterator[Case]:
    good = GOOD[format]
    mark = ":" if format == "selfrec_sequential" else " "
    for name, user in (("short", "carl"), ("long", "c" * 5000)):
        content = good + f"{user}{mark}\n".encode() + good
        shown = user if name == "short" else f"{'c' * 80}..."
        found = f"user '{shown}' has no items; expected at least one after the user"
        yield Case(f"no items, {name}", content, found, 3)
    found = "user 'anna' has a line already, line 1; expected one line a user, in time order"
    yield Case("user twice", good + f"anna{mark}z\n".encode(), found, 3)
    yield Case("joined files", good + good, found, 3)
    yield Case("user thrice", good + f"anna{mark}z\n".encode() * 2, found, 3)


def colons() -> Iterator[Case]:
    good = GOOD["selfrec_sequential"]
    expected = "expected `user:item item ...` with one colon; mend the line, or correct data.format"
    for text in (
        "carl x y",
        "carl:x:y",
        ":x y",
        ":",
        "ca rl:x",
        "carl :x",
        "carl::x",
        "http://a:x",
    ):
        yield Case(text, good + text.encode() + b"\n", f"the line is {text!r}; {expected}", 3)
    long = good + b"carl " + b"x" * 50_000_000
    yield Case("50 MB", long, f"the line is 'carl {'x' * 75}...'; {expected}", 3)


CASES = [
    pytest.param(format, case, id=f"{format}-{case.name}")
    for format in GOOD
    for cases in (
        bytes_(format),
        ids(format),
        graph() if format == "selfrec_graph" else sequences(format),
        colons() if format == "selfrec_sequential" else (),
    )
    for case in cases
]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "case"), CASES)
def test_refused(format: str, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_bytes(case.content)
    write_parameters(format=format)
    assert "; expected " in refused(capsys, case.place + case.found) or "a number" in case.found
