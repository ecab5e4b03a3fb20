"""Files as other programs write them: separators, headers, encodings, compression, JSON lines."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import Config, DataConfig
from llm4idrec.data.formats import compression, read_file
from llm4idrec.errors import InputError

NAMES = {"user": "user", "item": "item", "timestamp": "time"}
NUMBERS = {"user": 1, "item": 2, "timestamp": 3, "header": False}
TEXT = "user,item,time\nanna,x,5\nbert,é,6\n"
READ = [("anna", "x", 5, 2), ("bert", "é", 6, 3)]


def read(folder: Path, content: str | bytes, format: str = "csv", /, **data: Any) -> list[Any]:
    """The rows of a file: user, item, time, line."""
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    config = DataConfig.model_validate({"path": path, "format": format, **NAMES, **data})
    table = read_file(path, config)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def sentence(folder: Path, content: str | bytes, format: str = "csv", /, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, content, format, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(folder / "file"))


@pytest.mark.parametrize(
    ("separator", "mark"),
    [(";", ";"), ("|", "|"), ("\t", "\t"), (r"\t", "\t"), ("tab", "\t"), ("space", " ")]
    + [(mark, mark) for mark in ("::", "§", "\x01", "\x1f")],
)
def test_separators(tmp_path: Path, separator: str, mark: str) -> None:
    for format in ("csv", "tsv"):
        assert read(tmp_path, TEXT.replace(",", mark), format, separator=separator) == READ


def test_a_separator_in_quotation_marks_is_a_character(tmp_path: Path) -> None:
    for mark in ("\t", "::"):
        text = f'"user"{mark}"item"{mark}"time"\n"an{mark}na"{mark}"x"{mark}5\n'
        assert read(tmp_path, text, separator=mark) == [(f"an{mark}na", "x", 5, 2)]


def test_without_a_header(tmp_path: Path) -> None:
    rows = [("1", "1193", 978300760, 1), ("1", "661", 978302109, 2)]
    movielens = "1::1193::978300760\n1::661::978302109\n"
    assert read(tmp_path, movielens, "tsv", separator="::", **NUMBERS) == rows
    assert read(tmp_path, "\n" + movielens.replace("::", ","), **NUMBERS) == [
        (*row[:3], row[3] + 1) for row in rows
    ]
    assert sentence(tmp_path, "1,2,3\n1,2\n", **NUMBERS) == (
        ", line 2: 2 columns; expected 3, as in the first line; mend or remove the line"
    )
    assert sentence(tmp_path, "1,2\n", **NUMBERS).startswith(": there is no column '3'; expected")
    named = NUMBERS | {"user": "user"}
    assert "name the columns by their numbers" in sentence(tmp_path, "1,2,3\n", **named)
    assert "set data.separator to ';'" in sentence(tmp_path, "1;2;3\n", **NUMBERS)
    assert "set data.header to false" in sentence(tmp_path, "1,2,3\n1,3,4\n")


@pytest.mark.parametrize("mark", [";", "\t", "|", "::", " "])
def test_the_separator_is_guessed(tmp_path: Path, mark: str) -> None:
    assert sentence(tmp_path, TEXT.replace(",", mark)).endswith(
        f"; set data.separator to {mark!r}, which seems to part the columns"
    )


def test_files_of_spreadsheets(tmp_path: Path) -> None:
    excel = "sep=;\nuser;item;time\nanna;x;5\n"
    assert "remove the first line, which is for Excel, and set" in sentence(tmp_path, excel)
    quoted = '"user"\t"item"\t"time"\n"anna"\t"x"\t5\n'
    assert "set data.format to csv, which has quotation marks" in sentence(tmp_path, quoted, "tsv")
    assert read(tmp_path, quoted, separator="\\t") == [("anna", "x", 5, 2)]
    pandas = ",user,item,time\n0,anna,x,5\n1,bert,é,6\n"
    assert read(tmp_path, pandas) == READ
    trailing = TEXT.replace("\n", ",\n")
    assert read(tmp_path, trailing) == READ
    wide = TEXT.replace("\n", "," * 5000 + "\n")
    assert read(tmp_path, wide) == READ


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "UTF-16-LE", "utf-32", "latin-1", "cp1252", "cp437"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    content = TEXT.replace("\n", "\r\n").encode(encoding)
    assert read(tmp_path, content, encoding=encoding) == READ
    lines = "anna:x\nbert:é\n".encode(encoding)
    columns = {"user": None, "item": None, "timestamp": None}
    rows = read(tmp_path, lines, "selfrec_sequential", encoding=encoding, **columns)
    assert rows == [("anna", "x", 0, 1), ("bert", "é", 0, 2)]


def test_wrong_encodings(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        found = sentence(tmp_path, TEXT.encode(encoding))
        assert f"set data.encoding to {encoding}, which it looks like" in found
    found = sentence(tmp_path, TEXT.encode("cp1252"))
    assert found.startswith(", line 3: byte 0xe9 is not UTF-8; expected UTF-8 text; save the file")
    assert "data.encoding to its own, such as cp1252" in found
    found = sentence(tmp_path, TEXT.encode(), encoding="ascii")
    assert found.startswith(", line 3: byte 0xc3 is not ascii; expected ascii text; correct data.e")


def archive(content: bytes, *names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)
    return packed.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip in two parts": lambda content: gzip.compress(content[:20]) + gzip.compress(content[20:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "zip": lambda content: archive(content, "folder/", "folder/data.csv", "__MACOSX/._data.csv"),
}


@pytest.mark.parametrize("name", PACKED)
def test_compressed(tmp_path: Path, name: str) -> None:
    pack = PACKED[name]
    assert read(tmp_path, pack(TEXT.encode())) == READ
    assert read(tmp_path, pack(TEXT.replace(",", "\t").encode("utf-16")), "tsv", encoding="utf-16")
    graph = {"user": None, "item": None, "timestamp": None}
    assert read(tmp_path, pack(b"a x 1\n"), "selfrec_graph", **graph) == [("a", "x", 1)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"user": ["a"], "item": ["x"], "time": [5]}), sink)
    assert read(tmp_path, pack(sink.getvalue().to_pybytes()), "parquet") == [("a", "x", 5, 1)]
    assert sentence(tmp_path, pack(b"user,item,time\na,x,noon\n")).startswith(", line 2: the time")
    assert sentence(tmp_path, pack(b"")).startswith(": the file is empty")


def test_archives_of_several_files(tmp_path: Path) -> None:
    found = sentence(tmp_path, archive(b"", "a.csv", "b.csv"))
    assert found.startswith(": the zip file holds 'a.csv', 'b.csv'; expected one file; unpack it")
    assert sentence(tmp_path, archive(b"")).startswith(": the zip file holds nothing; expected one")


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "Zstandard", "zip"])
def test_bombs(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "PLENTY", 1 << 20)
    monkeypatch.setattr(compression, "BLOCK", 1 << 18)
    found = sentence(tmp_path, PACKED[name](b"0" * (1 << 25)))
    assert found.startswith(f": the {name} file holds more than ")
    assert found.endswith("; expected at most 100 times its size; decompress it if that is right")


JSON = '{"user": "anna", "item": "x", "time": 5, "more": {"a": [1]}}\n'


@pytest.mark.parametrize(
    ("more", "row"),
    [
        ('{"time": 6, "user": "bert", "item": "\\u00e9"}', ("bert", "é", 6, 2)),
        ('\n{"user": 12, "item": 99999999999999999999, "time": 6}', ("12", "9" * 20, 6, 3)),
        ('{"user": 12.0, "item": "12.0", "time": "6"}', ("12", "12.0", 6, 2)),
        ('{"user": " b ", "item": "y", "time": 6, "user": "c"}', ("c", "y", 6, 2)),
    ],
)
def test_json_lines(tmp_path: Path, more: str, row: tuple[Any, ...]) -> None:
    assert read(tmp_path, JSON + more, "jsonl") == [("anna", "x", 5, 1), row]


def test_json_lines_of_numbers(tmp_path: Path) -> None:
    text = "".join(f'{{"user":{k},"item":{k * 2},"time":{k}}}\n' for k in range(3))
    assert read(tmp_path, text, "jsonl") == [(str(k), str(2 * k), k, k + 1) for k in range(3)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("{", ", line 2: the line is no JSON (Expecting property name"),
        ("[1, 2]", ", line 2: the line holds a list; expected a whole JSON object"),
        ("5", ", line 2: the line holds a lone value; expected a whole JSON object"),
        ("[" * 100_000, ", line 2: the line is no JSON ("),
        (JSON.strip() * 2, ", line 2: the line is no JSON (Extra data"),
        ('{"user": "b", "item": "y"}', ", line 2: the timestamp is null; expected a value"),
        ('{"user": null, "item": "y", "time": 5}', ", line 2: the user is null; expected a value"),
        ('{"user": true, "item": "y", "time": 5}', ", line 2: the user is true; expected a string"),
        (
            '{"user": 1.5, "item": "y", "time": 5}',
            ", line 2: the user is 1.5; expected a string or",
        ),
        ('{"user": ["b"], "item": "y", "time": 5}', ', line 2: the user is ["b"]; expected a stri'),
        (
            '{"user": "\\ud800", "item": "y", "time": 5}',
            r", line 2: the user is '\ud800'; expected",
        ),
        (
            '{"user": "\\u0000", "item": "y", "time": 5}',
            r", line 2: the user is '\x00'; expected no",
        ),
        (
            '{"user": "NULL", "item": "y", "time": 5}',
            ", line 2: the user is 'NULL'; expected an ID",
        ),
        ('{"user": "b", "item": "", "time": 5}', ", line 2: the item is empty; expected an ID"),
    ],
)
def test_bad_json_lines(tmp_path: Path, more: str, message: str) -> None:
    assert sentence(tmp_path, JSON + more, "jsonl").startswith(message)


def test_json_of_one_value(tmp_path: Path) -> None:
    found = sentence(tmp_path, f"[{JSON.strip()}]", "jsonl")
    assert found.startswith(", line 1: the line holds a list; expected a whole JSON object on")
    found = sentence(tmp_path, JSON, "jsonl", user="who")
    assert found.startswith(": there is no key 'who'; expected one of 'user', 'item', 'time', 'mor")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"separator": ""}, "`data.separator`: a separator is expected"),
        ({"separator": "\n"}, "`data.separator`: a separator is expected"),
        ({"separator": '"'}, "`data.separator`: a separator is expected"),
        ({"encoding": "utf-9"}, "`data.encoding`: 'utf-9' is no encoding that Python knows"),
        ({"encoding": "zlib"}, "`data.encoding`: 'zlib' is no encoding that Python knows"),
        ({"format": "jsonl", "separator": ";"}, "`separator` and `header` are not for format json"),
        ({"format": "parquet", "header": False}, "`separator` and `header` are not for format par"),
        ({"format": "selfrec_graph", "where": {"a": 1}}, "format selfrec_graph has no columns for"),
        ({"rating": "stars"}, "`rating` and `min_rating` go together"),
        ({"min_rating": 4}, "`rating` and `min_rating` go together"),
        ({"where": {"event": []}}, "`data.where.event` is []; expected"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    values = Config.read(Path(__file__).parents[4] / "params.yaml").model_dump(mode="json")
    values["data"] |= changes
    with pytest.raises(InputError) as caught:
        Config.parse(values)
    assert message in str(caught.value)


def test_the_path_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA", "shop")
    for path in ("~/shop/a.csv", "$HOME/shop/a.csv", "${HOME}/$DATA/a.csv"):
        data = DataConfig(path=Path(path), format="csv", user="u", item="i")
        assert data.train_file == tmp_path / "shop" / "a.csv"
    monkeypatch.delenv("DATA")
    data = DataConfig(path=Path("$DATA/~x/a.csv"), format="csv", user="u", item="i")
    assert data.path == Path("$DATA/~x/a.csv")
