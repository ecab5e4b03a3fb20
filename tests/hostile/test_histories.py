"""Histories for `recommend` that cannot be used: refused before any model is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.errors import InputError
from pipelines.registry.histories import Histories, read_histories
from pipelines.registry.history_file import frame
from pipelines.run import main
from tests.hostile.fuzzing import require_sentence, steady
from tests.hostile.refusal import FILE, refused

CASES: dict[str, tuple[bytes, str, int | None]] = {
    "nothing": (b"", "the file is empty; expected at least one interaction", None),
    "blank lines": (b"\n\n\n", "the file is empty", None),
    "no item": (b"user,article\na,1\n", "there is no column 'item'", None),
    "no user": (b"item,timestamp\na,1\n", "there is no column 'user'", None),
    "semicolons": (b"user;item\na;1\n", "there is no column 'user'", None),
    "no header": (b"a,1\nb,2\n", "there is no column 'user'", None),
    "user twice": (
        b"user,item,user\na,1,b\n",
        "column 'user' is there 2 times; expected one",
        None,
    ),
    "header only": (b"user,item\n", "there is a header but nothing below it", None),
    "header twice": (b"user,item\na,1\nuser,item\n", "the header once more", 3),
    "narrow": (b"user,item\na,1\nb\n", "1 column; expected 2, as in the header", 3),
    "wide": (b"user,item\na,1\nb,1,2\n", "3 columns; expected 2", 3),
    "no user in a line": (b"user,item\na,1\n,1\n", "the user is empty; expected an ID", 3),
    "no item in a line": (b"user,item\na,1\nb,\n", "the item is empty; expected an ID", 3),
    "NaN": (b"user,item\na,1\nNaN,2\n", "the user is 'NaN'; expected an ID", 3),
    "a time that is none": (b"user,item,timestamp\na,1,noon\n", "the timestamp is 'noon'", 2),
    "an endless time": (b"user,item,timestamp\na,1," + b"9" * 99 + b"\n", "the timestamp is ", 2),
    "an endless ID": (b"user,item\na," + b"1" * 5000, "the item is '1111", 2),
    "NUL": (b"user,item\na,1\n\0,2\n", "byte 0x00 is a NUL; expected UTF-8 text", 3),
    "Latin-1": (b"user,item\na,1\n\xe9,2\n", "byte 0xe9 is not UTF-8", 3),
    "UTF-16": ("user,item\na,1\n".encode("utf-16"), "byte 0xff is not UTF-8", 1),
    "gzip": (b"\x1f\x8b\x08\0\0\0", "the gzip file cannot be decompressed (", None),
    "a quotation": (b'user,item\na,"1\nb,2\n', "a quotation mark does not end", 2),
    "a quoted header": (b'"user,item\na,1\n', "a line break in quotation marks", 1),
    "an endless header": (b"x" * 50_000_000, "the line has 50000000 characters", 1),
    "an endless wide header": (b"x," * 2_000_000, "the line has 4000000 characters", 1),
}
PLACES: dict[str, tuple[Callable[[], object], str]] = {
    "nothing": (lambda: None, "there is no such file; expected a file of histories"),
    "folder": (FILE.mkdir, "there is no such file"),
    "pipe": (lambda: os.mkfifo(FILE), "there is no such file"),
    "dangling link": (lambda: FILE.symlink_to("gone"), "there is no such file"),
    "link to itself": (lambda: FILE.symlink_to("interactions"), "there is no such file"),
}
COLUMNS = {"user": "user", "item": "item", "timestamp": None}
COMMAND = ("recommend", "--histories", str(FILE), "--to", "new.csv")


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, found, line = CASES[name]
    FILE.write_bytes(content)
    place = f"{FILE}: " if line is None else f"{FILE}, line {line}: "
    refused(capsys, place + found, arguments=COMMAND, run=main)


@pytest.mark.parametrize("name", PLACES)
def test_no_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, found = PLACES[name]
    make()
    refused(capsys, f"{FILE}: {found}", arguments=COMMAND, run=main)


def test_a_file_name_that_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("recommend", "--histories", "x" * 300, "--to", "new.csv")
    refused(capsys, f"{'x' * 300}: there is no such file", arguments=command, run=main)


@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("--items", "0", "--items is 0; expected at least 1"),
        ("--workers", "0", "--workers is 0; expected at least 1"),
        ("--items", "-5", "--items is -5; expected at least 1"),
        ("--to", "given", "given: is a folder; expected a file to write"),
    ],
)
def test_options(option: str, value: str, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_text("user,item\na,1\n")
    refused(capsys, found, arguments=(*COMMAND, option, value), run=main)


def shown(histories: Histories) -> pd.DataFrame:
    return frame(histories.rows(slice(None)))


def test_odd_histories_are_read() -> None:
    FILE.write_text('\ufeffitem,user\r\n"a,b",### Response\r\n"i1\ni2",</s>\r\n</s>,### Response')
    assert shown(read_histories(FILE, COLUMNS)).to_dict("list") == {
        "user": ["### Response", "</s>"],
        "items": [["a,b", "</s>"], ["i1\ni2"]],
    }


@steady
@given(st.binary(max_size=80), st.sampled_from([b"user,item\n", b"user,item,timestamp\n", b""]))
def test_any_bytes(content: bytes, header: bytes) -> None:
    FILE.write_bytes(header + content)
    try:
        found = shown(read_histories(FILE, COLUMNS))
    except InputError as error:
        require_sentence(error)
    else:
        assert list(found.columns) == ["user", "items"]
        assert found["user"].is_unique
        assert all(found["items"].map(len) > 0)


def test_nothing_is_written_beside() -> None:
    assert sorted(path.name for path in Path().iterdir()) == ["given", "out"]
