"""Every format on known answers, and one clear sentence for each kind of bad file."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import io
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, orc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.errors import InputError

COLUMNS = {"user": "u", "item": "i", "timestamp": "t"}
WORDS = st.text("abc0189é漢-_.", min_size=1, max_size=6)
LONGER_THAN_A_BLOCK = 60_000


def read(folder: Path, format: str, content: str | bytes, **data: Any) -> dict[str, list[Any]]:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    columns = COLUMNS if format in ("csv", "tsv", "recbole", "parquet") else {}
    rows: dict[str, list[Any]] = read_file(path, file_of(path, format, columns | data)).to_pydict()
    return rows


def file_of(path: Path, format: str, values: Mapping[str, object] = COLUMNS) -> DataConfig:
    return DataConfig.model_validate({"path": path, "format": format, **values})


def expect_error(folder: Path, format: str, content: str | bytes, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, format, content, **data)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(str(folder / "file"))


@pytest.mark.parametrize(
    "content",
    [
        "u,i,t\na,x,5\nb,y,6\n",
        "u,i,t\na,x,5\nb,y,6",
        "\ufeffu,i,t\r\na,x,5\r\nb,y,6\r\n",
        "u,i,t\ra,x,5\rb,y,6\r",
        ' u ,"i", t\n"a",x, 5\n b ,y,6.0\n',
    ],
    ids=["plain", "no last newline", "BOM and CRLF", "CR", "quotes and spaces"],
)
def test_csv(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "csv", content) == {
        "user": ["a", "b"],
        "item": ["x", "y"],
        "timestamp": [5, 6],
        "line": [2, 3],
    }


def test_csv_types(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("u,i,t\n007,1e3,5\n")
    config = file_of(tmp_path / "file", "csv")
    table = read_file(config.path, config)
    assert table.schema.types == [pa.string(), pa.string(), pa.int64(), pa.int64()]
    assert table["user"].to_pylist() == ["007"]


def test_csv_lines_count_blank_ones_and_breaks_in_quotes(tmp_path: Path) -> None:
    table = read(tmp_path, "csv", 'u,i,t\n\na,"x\ny",5\n\n\nb,z,6\n')
    assert table["item"] == ["x\ny", "z"]
    assert table["line"] == [3, 7]


def test_csv_without_time_has_no_timestamp(tmp_path: Path) -> None:
    table = read(tmp_path, "csv", "u,other,i\na,1,x\n", timestamp=None)
    assert table == {"user": ["a"], "item": ["x"], "line": [2]}


def test_tsv_takes_quotation_marks_as_they_are(tmp_path: Path) -> None:
    assert read(tmp_path, "tsv", 'u\ti\tt\n"a\tx y\t5\n')["user"] == ['"a']


def test_recbole_names_columns_without_the_type(tmp_path: Path) -> None:
    content = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t4.5\t881250949\n"
    names = {"user": "user_id", "item": "item_id", "timestamp": "timestamp"}
    assert read(tmp_path, "recbole", content, **names) == {
        "user": ["1"],
        "item": ["2"],
        "timestamp": [881250949],
        "line": [2],
    }


@pytest.mark.parametrize("content", ["a x 1\nb\ty\t2.5\n", "a x\nb  y\n", "a x 1\r\n b y -1e3\r\n"])
def test_selfrec_graph(tmp_path: Path, content: str) -> None:
    expected = {"user": ["a", "b"], "item": ["x", "y"], "line": [1, 2]}
    assert read(tmp_path, "selfrec_graph", content) == expected


def test_selfrec_sequential(tmp_path: Path) -> None:
    assert read(tmp_path, "selfrec_sequential", "a:x y x\n\nb: z\n") == {
        "user": ["a", "a", "a", "b"],
        "item": ["x", "y", "x", "z"],
        "timestamp": [0, 1, 2, 0],
        "line": [1, 1, 1, 3],
    }


def test_llm_recsys_sequential(tmp_path: Path) -> None:
    assert read(tmp_path, "llm_recsys_sequential", "a x y x\nb z") == {
        "user": ["a", "a", "a", "b"],
        "item": ["x", "y", "x", "z"],
        "timestamp": [0, 1, 2, 0],
        "line": [1, 1, 1, 2],
    }


@settings(max_examples=40)
@given(lists=st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=5), min_size=1))
def test_sequences_come_back(
    tmp_path_factory: pytest.TempPathFactory, lists: dict[str, list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    for format, mark in (("selfrec_sequential", ":"), ("llm_recsys_sequential", " ")):
        text = "\n".join(f"{user}{mark}{' '.join(items)}" for user, items in lists.items())
        table = read(folder, format, text)
        back: dict[str, list[str]] = {}
        for user, item, place in zip(table["user"], table["item"], table["timestamp"], strict=True):
            assert place == len(back.setdefault(user, []))
            back[user].append(item)
        assert back == lists


@settings(max_examples=40)
@given(pairs=st.lists(st.tuples(WORDS, WORDS), min_size=1))
def test_pairs_come_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("pairs")
    table = read(folder, "selfrec_graph", "\n".join(f"{user} {item}" for user, item in pairs))
    assert list(zip(table["user"], table["item"], strict=True)) == pairs
    assert table["line"] == list(range(1, len(pairs) + 1))


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["7", "x"], pa.large_string()),
        pa.array([" 7", "x "], pa.string_view()),
        pa.array([b"7", b"x"]),
        pa.array(["7", "x"]).dictionary_encode(),
        pa.array([7, 8], pa.uint64()),
        pa.array([decimal.Decimal(7), decimal.Decimal(8)], pa.decimal128(38, 0)),
        pa.array([decimal.Decimal("7.00"), decimal.Decimal("8.00")], pa.decimal128(38, 2)),
    ],
)
def test_types_of_ids_in_parquet(tmp_path: Path, ids: pa.Array) -> None:
    """As pandas, polars, Impala and databases write them."""
    path = tmp_path / "table"
    pq.write_table(pa.table({"u": ids, "i": ids, "t": [decimal.Decimal("1.5")] * 2}), path)
    table = read_file(path, file_of(path, "parquet"))
    assert table["user"].to_pylist() == table["item"].to_pylist()
    assert table["user"].to_pylist() in (["7", "x"], ["7", "8"])
    assert table["timestamp"].to_pylist() == [15, 15]


def test_parquet(tmp_path: Path) -> None:
    users = pa.array(["a", "b"]).dictionary_encode()
    for item, time, moment in (
        (["1", "2"], [5, 6], [5, 6]),
        ([1, 2], [5.0, 6.0], [5, 6]),
        ([1.0, 2.0], [datetime.date(1970, 1, 6), datetime.date(1970, 1, 7)], [5, 6]),
        ([1, 2], pa.array([5, 6], pa.timestamp("ms")), [5, 6]),
    ):
        pq.write_table(pa.table({"u": users, "i": item, "t": time}), tmp_path / "table")
        config = file_of(tmp_path / "table", "parquet")
        assert read_file(config.path, config).to_pydict() == {
            "user": ["a", "b"],
            "item": ["1", "2"],
            "timestamp": moment,
            "line": [1, 2],
        }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file is empty; expected at least one interaction"),
        ("\ufeff\r\n\n", ": the file is empty; expected at least one interaction"),
        ("u,i,t\n", ": there is a header but nothing below it; expected at least one interaction"),
        (
            "u,i\na,x\n",
            ": there is no column 't'; expected one of 'u', 'i'; correct data.timestamp",
        ),
        ("u,i,i,t\na,x,y,5\n", ": column 'i' is there 2 times; expected one"),
        ("1,2,5\n1,3,6\n", ", line 1: no header: the first line holds 1, 2, 5; expected"),
        (
            "u,i,t\na,x,5\na,y,noon\n",
            ", line 3: the timestamp is 'noon'; expected a number, such as",
        ),
        ("u,i,t\na,x,\n", ", line 2: the timestamp is ''; expected a number"),
        ("u,i,t\na,x,1234567890123456789012\n", ", line 2: the timestamp is '12345678901234567890"),
        ("u,i,t\na,x,5\n,x,5\n", ", line 3: the user is empty; expected an ID"),
        ("u,i,t\na,x,5\n\na,  ,5\n", ", line 4: the item is empty; expected an ID"),
        ("u,i,t\na,NaN,5\n", ", line 2: the item is 'NaN'; expected an ID"),
        ("u,i,t\na,x,5\na,b,c,d,e,f,g,h,i,j\nb,x,5\n", ", line 3: 10 columns; expected 3"),
        ("u,i,t\n\na,x,5\n\na,x\n", ", line 5: 2 columns; expected 3, as in the header"),
        ('u,i,t\n"a\nb",x,5\na\n', ", line 4: 1 column; expected 3"),
        ('u,i,t\na,x,5\n"a,x,5\nb,x,5\n', ", line 3: 1 column; expected 3"),
        (b"u,i,t\na,x,5\n\xe9,x,5\n", ", line 3: byte 0xe9 is not UTF-8; expected UTF-8 text"),
        ("u,i,t\na,x,5\n".encode("utf-16"), ", line 1: byte 0xff is not UTF-8"),
    ],
)
def test_bad_csv(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert expect_error(tmp_path, "csv", content).startswith(message)


def test_bad_csv_far_down(tmp_path: Path) -> None:
    lines = [f"user{n},item{n},{n}" for n in range(LONGER_THAN_A_BLOCK)]
    lines[50_000] = "a,b,c,d,e,f,g,h,i,j"
    message = expect_error(tmp_path, "csv", "\n".join(["u,i,t", *lines]))
    assert message.startswith(", line 50002: 10 columns; expected 3")


def test_quote_that_never_ends_is_told_at_its_line(tmp_path: Path) -> None:
    rest = "b,x,5\n" * LONGER_THAN_A_BLOCK
    message = expect_error(tmp_path, "csv", 'u,i,t\na,x,5\n"a,x,5\n' + rest)
    assert message.startswith(", line 3: 1 column; expected 3, as in the header")


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("selfrec_graph", "a x 1\n\nb y\n", ", line 3: 2 words; expected `user item` or"),
        ("selfrec_graph", "a x 1 9\n", ", line 1: 4 words; expected `user item` or"),
        ("selfrec_graph", "a\n", ", line 1: 1 word; expected `user item` or"),
        (
            "selfrec_graph",
            "user item rating\na x 1\n",
            ", line 1: the weight is 'rating'; expected",
        ),
        ("selfrec_graph", "a x 1\nb y nan\n", ", line 2: the weight is 'nan'; expected a number"),
        ("selfrec_graph", "a x\nb nan\n", ", line 2: the item is 'nan'; expected an ID"),
        (
            "selfrec_sequential",
            "a:x\nb x y\n",
            ", line 2: the line is 'b x y'; expected `user:item",
        ),
        ("selfrec_sequential", "a:x\n\nb:x:y\n", ", line 3: the line is 'b:x:y'; expected `user:"),
        ("selfrec_sequential", ":x y\n", ", line 1: the line is ':x y'; expected `user:item"),
        ("selfrec_sequential", "a:x\n:\n", ", line 2: the line is ':'; expected `user:item"),
        ("selfrec_sequential", "a b:x\n", ", line 1: the line is 'a b:x'; expected `user:item"),
        ("selfrec_sequential", "a:x\nb:\n", ", line 2: user 'b' has no items; expected at least"),
        ("selfrec_sequential", "a:x\nb:y\na:z\n", ", line 3: user 'a' has a line already, line 1;"),
        ("llm_recsys_sequential", "a x\n\nb\n", ", line 3: user 'b' has no items; expected at"),
        ("llm_recsys_sequential", "a x NaN\n", ", line 1: the item is 'NaN'; expected an ID"),
    ],
)
def test_bad_lines(tmp_path: Path, format: str, content: str, message: str) -> None:
    assert expect_error(tmp_path, format, content).startswith(message)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"u": ["a", None], "i": [1, 2], "t": [1, 2]}, ", line 2: the user is null; expected"),
        ({"u": [1.0, float("nan")], "i": [1, 2], "t": [1, 2]}, ", line 2: the user is null"),
        ({"u": [1.0, 2.5], "i": [1, 2], "t": [1, 2]}, ", line 2: the user is 2.5; expected a"),
        ({"u": ["a", ""], "i": [1, 2], "t": [1, 2]}, ", line 2: the user is empty; expected"),
        (
            {"u": ["a"], "i": [1], "t": ["noon"]},
            ", line 1: the timestamp is 'noon'; expected a num",
        ),
        ({"u": [["a"]], "i": [1], "t": [1]}, ": the user column has type list<"),
        ({"u": ["a"], "i": [1]}, ": there is no column 't'; expected one of 'u', 'i'"),
        ({"u": pa.array([], pa.string()), "i": [], "t": []}, ": the table is empty; expected"),
    ],
)
def test_bad_parquet(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    error = expect_error(tmp_path, "parquet", sink.getvalue().to_pybytes())
    assert error.startswith(message)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view()]
)
@pytest.mark.parametrize("rows", [3, 3000])
def test_texts_of_every_kind_in_parquet(tmp_path: Path, kind: pa.DataType, rows: int) -> None:
    users = pa.array(["a", " b", "é"] * rows).cast(kind)
    columns = {"u": users, "i": users, "more.u": users, "l": [["a"]] * len(users)}
    pq.write_table(pa.table(columns), tmp_path / "file", row_group_size=1000)
    config = DataConfig(
        path=tmp_path / "file", format="parquet", user="u", item="more.u", where={"i": ("a", "b")}
    )
    table = read_file(config.path, config)
    assert table["user"].to_pylist() == table["item"].to_pylist() == ["a", "b"] * rows
    assert table.schema.types == [pa.string(), pa.string(), pa.int64()]


def test_text_called_parquet(tmp_path: Path) -> None:
    assert expect_error(tmp_path, "parquet", "u,i,t\n").startswith(": not a Parquet file (")


@pytest.mark.parametrize("format", ["csv", "parquet", "selfrec_graph", "selfrec_sequential"])
def test_wrong_path(tmp_path: Path, format: str) -> None:
    (tmp_path / "ratings.csv").write_text("u,i,t\n")
    for path, found, remedy in (
        (tmp_path / "none.csv", "there is no such file", f"{tmp_path} holds ratings.csv"),
        (tmp_path / "no" / "none.csv", "there is no such file", "holds nothing"),
    ):
        columns = COLUMNS if format in ("csv", "parquet") else {}
        with pytest.raises(InputError) as caught:
            read_file(path, file_of(path, format, columns))
        assert str(caught.value).startswith(f"{path}: {found}")
        assert remedy in str(caught.value)


@pytest.mark.parametrize("format", ["csv", "tsv"])
@pytest.mark.parametrize("first", ["2,1,5", "1,2,3", "3,1,"])
def test_numbers_of_columns_and_no_header(tmp_path: Path, format: str, first: str) -> None:
    content = f"{first}\n3,9,4\n".replace(",", "," if format == "csv" else "\t")
    named = {"user": "1", "item": "2", "timestamp": None}
    assert expect_error(tmp_path, format, content, **named).startswith(
        f", line 1: no header: the first line holds {', '.join(first.split(','))}; expected the "
    )
    read_of_it = read(tmp_path, format, content, header=False, **named)
    assert read_of_it["line"] == [1, 2]


@pytest.mark.parametrize("header", ["0,1,2", ",0,1,2", "1,2,when"])
def test_names_that_are_numbers(tmp_path: Path, header: str) -> None:
    user, item, time = header.split(",")[-3:]
    content = f"{header}\n" + ",".join("7" for _ in header.split(",")) + "\n"
    read_of_it = read(tmp_path, "csv", content, user=user, item=item, timestamp=time)
    assert read_of_it == {"user": ["7"], "item": ["7"], "timestamp": [7], "line": [2]}


@pytest.mark.parametrize(
    ("format", "content", "remedy"),
    [
        ("csv", "K00,26,5\nK01,9,4\n", "correct data.user, or set data.header to false"),
        ("csv", "U,i,t\na,x,5\n", "did you mean 'U'? correct data.user"),
        ("csv", "v,i,t\na,x,5\n", "correct data.user"),
        ("csv", "u,u,i,t\na,a,x,5\n", "rename or remove one"),
        ("recbole", "u:token\tI:token\tt:float\na\tx\t5\n", "did you mean 'I'? correct data.item"),
    ],
)
def test_what_to_do_about_names(tmp_path: Path, format: str, content: str, remedy: str) -> None:
    assert expect_error(tmp_path, format, content).endswith(f"; {remedy}")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1251"])
def test_a_byte_order_mark_of_another_encoding(tmp_path: Path, encoding: str) -> None:
    content = "\ufeffu,i,t\na,x,5\n".encode()
    assert expect_error(tmp_path, "csv", content, encoding=encoding) == (
        f": the file begins with the byte order mark of UTF-8; expected {encoding} text; "
        "set data.encoding to utf-8"
    )


@pytest.mark.parametrize(
    "content",
    [
        '   \n{"u": "a", "i": "x", "t": 5}\n',
        '{"u": "a", "i": "x", "t": 5, "n": ' + "7" * 5000 + "}\n",
    ],
    ids=["a blank line", "a long number"],
)
def test_odd_first_lines_of_json(tmp_path: Path, content: str) -> None:
    named = {"user": "u", "item": "i", "timestamp": "t"}
    assert read(tmp_path, "jsonl", content, **named)["user"] == ["a"]


@pytest.mark.parametrize("rows", [["true"], ["true", "1.0"], ["1", "true"]])
def test_truths_are_no_ids(tmp_path: Path, rows: list[str]) -> None:
    content = "".join(f'{{"u": {value}, "i": "x"}}\n' for value in rows)
    line = rows.index("true") + 1
    assert expect_error(tmp_path, "jsonl", content, user="u", item="i") == (
        f", line {line}: the user is true; expected a string or a whole number; mend or remove "
        "the line"
    )


@pytest.mark.parametrize("cell", ['"great\n"', '"\n"', '"so ""great""\n"', '"a;b\n\n"'])
def test_a_last_cell_that_ends_with_a_line_break(tmp_path: Path, cell: str) -> None:
    for separator, end in ((",", "\n"), (";", ""), ("::", "\n")):
        content = f"u,i,said\n1,2,x\n1,3,{cell}".replace(",", separator) + end
        found = read(tmp_path, "csv", content, timestamp=None, separator=separator)
        assert found["item"] == ["2", "3"]
        wrong = content.removesuffix(end).removesuffix('"') + end
        message = expect_error(tmp_path, "csv", wrong, timestamp=None, separator=separator)
        assert message.startswith(", line 3: a quotation mark does not end")


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "<xml/>")
    return content.getvalue()


def table_file(write: Callable[[pa.Table, io.BytesIO], None]) -> bytes:
    content = io.BytesIO()
    write(pa.table({"u": ["a"], "i": ["x"], "t": [5]}), content)
    return content.getvalue()


def array_file() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(4))
    return content.getvalue()


def database() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (u, i)")
        return connection.serialize()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    ("content", "found", "remedy"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "save it as CSV"),
        (zipped("mimetype", "META-INF/manifest.xml"), "a document", "save it as CSV"),
        (database(), "a SQLite database", "write its table as Parquet or CSV"),
        (table_file(feather.write_feather), "an Arrow file", "write its table as Parquet or CSV"),
        (table_file(orc.write_table), "an ORC file", "write its table as Parquet or CSV"),
        (array_file(), "a NumPy array", "write its table as Parquet or CSV"),
        (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94.", "a pickle", "write its table as "),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive", "unpack it, or pack it as gzip or"),
        (b"\x04\x22M\x18\x64\x40\xa7\0", "an LZ4 file", "unpack it, or pack it as gzip or"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_binary_files_are_named(
    tmp_path: Path, content: bytes, found: str, remedy: str, encoding: str
) -> None:
    message = expect_error(tmp_path, "csv", content, encoding=encoding)
    assert message.startswith(f": is {found}; expected ")
    assert f"; {remedy}" in message


def test_a_file_of_pzstd(tmp_path: Path) -> None:
    codec = pa.Codec("zstd")
    frames = [codec.compress(text, asbytes=True) for text in (b"u,i,t\na,x,5\n", b"b,y,6\n")]
    sizes = (struct.pack("<III", 0x184D2A50, 4, len(frame)) for frame in frames)
    content = b"".join(part for pair in zip(sizes, frames, strict=True) for part in pair)
    assert read(tmp_path, "csv", content)["user"] == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("known_to_arrow", [True, False])
def test_a_dictionary_of_long_texts_in_parquet(tmp_path: Path, known_to_arrow: bool) -> None:
    """Four gigabytes of a small file: refused before they are in memory."""
    rows = 1_000_000
    place = pa.array(np.zeros(rows, np.int32))
    users = pa.DictionaryArray.from_arrays(place, ["x" * 4000])
    table = pa.table({"u": users, "i": np.arange(rows) % 7})
    path = tmp_path / "file"
    pq.write_table(table, path, store_schema=known_to_arrow)
    config = DataConfig(path=path, format="parquet", user="u", item="i")
    before = pa.total_allocated_bytes()
    with pytest.raises(InputError, match="the user column holds 4000000000 bytes, more than 100 t"):
        read_file(path, config)
    assert pa.total_allocated_bytes() - before < 2**26
    short = pa.DictionaryArray.from_arrays(place, ["x" * 40])
    pq.write_table(table.set_column(0, "u", short), path, store_schema=known_to_arrow)
    assert read_file(path, config)["user"][-1].as_py() == "x" * 40


@pytest.mark.parametrize("path", ["$NOSUCH/plain.csv", "${NOSUCH}/plain.csv", "data/$NOSUCH.csv"])
def test_a_variable_that_is_not_set(path: str) -> None:
    config = DataConfig(path=Path(path), format="csv", user="u", item="i")
    with pytest.raises(
        InputError, match="; set the variable NOSUCH, which is not set, or correct "
    ):
        read_file(config.path, config)
