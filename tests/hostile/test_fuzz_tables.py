"""Any bytes are a table that holds what it should, or a sentence; nothing else comes out."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.errors import InputError
from tests.hostile.fuzzing import require_sentence, steady
from tests.hostile.refusal import COLUMNS, FILE

WORDS = b', | |:|"|""|user|item|time|user:token|a|b|12|-5|5.0|nan'
BYTES = b"\n|\r\n|\r|\n\n|\t|\0|\xff|\xef\xbb\xbf|\xc3\xa9|i\xcc\x87"
JSON = b'{"user": "a", "item": 1, "time": 5}|{|}|[|]|{"user": 1, "item": 2, "time": 1.5}|null|1e9'
TIMES = b"2024-01-01|2024-01-01T10:00:00Z|10:00|1e3|.5|1e400|99999999999999999999"
PARTS = b"|".join((WORDS, BYTES, JSON, TIMES)).split(b"|")
soup = st.lists(st.sampled_from(PARTS) | st.binary(max_size=3), max_size=40).map(b"".join)
HEADERS = [
    b"user,item,time\n",
    b"user\titem\ttime\n",
    b'"user",item,time\r\n',
    b"",
    b"\xef\xbb\xbfuser,item,time\n",
]
texts = st.builds(bytes.__add__, st.sampled_from(HEADERS), soup) | st.binary(max_size=200)
FORMATS = [
    "csv",
    "tsv",
    "jsonl",
    "recbole",
    "selfrec_graph",
    "selfrec_sequential",
    "llm_recsys_sequential",
]


def read(format: str) -> pa.Table | None:
    """A table that is as `read_file` says, or None where there was a sentence."""
    named = COLUMNS if format in ("csv", "tsv", "jsonl", "recbole", "parquet") else {}
    try:
        table = read_file(
            FILE, DataConfig.model_validate({"path": FILE, "format": format, **named})
        )
    except InputError as error:
        require_sentence(error)
        return None
    table.validate(full=True)
    types = {"user": pa.string(), "item": pa.string(), "timestamp": pa.int64(), "line": pa.int64()}
    assert {field.name: field.type for field in table.schema}.items() <= types.items()
    assert len(table) > 0
    assert table["line"].to_pylist() == sorted(table["line"].to_pylist())
    assert all(
        value and value.lower() != "nan" and "\0" not in value and len(value.encode()) <= 4096
        for name in ("user", "item")
        for value in table[name].to_pylist()
    )
    return table


@pytest.mark.parametrize("format", FORMATS)
@steady
@given(content=texts)
def test_text(format: str, content: bytes) -> None:
    FILE.write_bytes(content)
    table = read(format)
    if table is not None:
        lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        assert max(table["line"].to_pylist()) <= len(lines)
        for user, line in zip(table["user"].to_pylist(), table["line"].to_pylist(), strict=True):
            if '"' not in content.decode() and "\n" not in user:
                assert user.encode() in lines[line - 1]


@steady
@given(
    rows=st.lists(st.tuples(*[st.text(max_size=8)] * 3), min_size=1, max_size=6),
    quoting=st.booleans(),
)
def test_what_arrow_writes_as_csv_is_read_as_it_was(
    rows: list[tuple[str, str, str]], quoting: bool
) -> None:
    columns = dict(zip(("user", "item", "other"), map(list, zip(*rows, strict=True)), strict=True))
    quoted = pa.csv.WriteOptions(quoting_style="all_valid" if quoting else "needed")
    pa.csv.write_csv(pa.table(columns), FILE, quoted)
    try:
        table = read_file(FILE, DataConfig(path=FILE, format="csv", user="user", item="item"))
    except InputError as error:
        require_sentence(error)
    else:
        for name in ("user", "item"):
            plain = [v.replace("\r\n", "\n").replace("\r", "\n") for v in columns[name]]
            assert table[name].to_pylist() == [v.strip(" \t\n\v\f\r") for v in plain]


@pytest.fixture(scope="module")
def whole() -> bytes:
    sink = pa.BufferOutputStream()
    columns = {"user": ["a", "b", "c"] * 9, "item": range(27), "time": [1.0, 2.0, 3.0] * 9}
    pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), sink)
    return bytes(sink.getvalue())


@steady
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.integers(0, 10**6),
)
def test_parquet(flips: list[tuple[int, int]], cut: int | None, whole: bytes) -> None:
    content = bytearray(whole if cut is None else whole[: cut % len(whole)])
    for place, byte in flips:
        if content:
            content[place % len(content)] = byte
    FILE.write_bytes(content)
    read("parquet")
