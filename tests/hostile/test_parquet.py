"""Malformed Parquet files: tables that hold what they should not, and bytes that are no table."""

from __future__ import annotations

import decimal
import math
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hostile.refusal import COLUMNS, FILE, Case, refused, write_parameters

GOOD: dict[str, Any] = {"user": ["a", "b", "c"], "item": [1, 2, 3], "time": [5, 6, 7]}
NOT_UTF8 = pa.Array.from_buffers(
    pa.string(),
    3,
    [None, pa.array([0, 1, 2, 3], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff\xfe")],
)
NUMBER = "expected a string or a whole number below 2**53"
COLUMN = {
    "user": "expected strings or whole numbers",
    "item": "expected strings or whole numbers",
    "time": "expected whole numbers below 2**63",
}


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, **options)
    return bytes(sink.getvalue())


def cells() -> list[Case]:
    cases = []
    for name, role in (("user", "user"), ("item", "item"), ("time", "timestamp")):
        whole = "expected a number below 2**53" if role == "timestamp" else NUMBER
        for label, column, found in [
            ("null", [1, 2, None], f"the {role} is null; expected a value; fill or drop the row"),
            ("NaN", [1.0, 2.0, math.nan], f"the {role} is null; expected a value"),
            ("half", [1.0, 2.0, 2.5], f"the {role} is 2.5; {whole}"),
            ("infinite", [1.0, 2.0, math.inf], f"the {role} is inf; {whole}"),
            ("minus infinite", [1.0, 2.0, -math.inf], f"the {role} is -inf; {whole}"),
            ("2**53", [1.0, 2.0, 2.0**53], f"the {role} is 9007199254740992.0; {whole}"),
            ("1e300", [1.0, 2.0, -1e300], f"the {role} is -1e+300; {whole}"),
            ("half float", pa.array([1, 2, 2.5], pa.float16()), f"the {role} is 2.5; {whole}"),
        ]:
            table = GOOD | {name: column}
            if role != "timestamp" or "half" not in label:  # a time may have a fraction
                cases.append(Case(f"{name} {label}", parquet(table), found, 3))
    for name in ("user", "item"):
        for label, text, found in [
            ("empty", "", "is empty; expected an ID"),
            ("blank", " \t\n", "is empty; expected an ID"),
            ("nan", "nan", "is 'nan'; expected an ID"),
            ("NUL", "a\0b", r"is 'a\x00b'; expected no NUL in it"),
            ("long", "x" * 5000, f"is '{'x' * 80}...'; expected at most 4096 bytes"),
        ]:
            table = GOOD | {name: ["a", "b", text]}
            cases.append(Case(f"{name} {label}", parquet(table), f"the {name} {found}", 3))
        coded = pa.array(["a", "b", None]).dictionary_encode()
        table = GOOD | {name: coded}
        cases.append(Case(f"{name} null code", parquet(table), f"the {name} is null", 3))
        table = GOOD | {name: NOT_UTF8}
        found = "not a Parquet file (Column 0: In chunk 0: Invalid: Invalid UTF8 sequence"
        found = found if name == "user" else found.replace("Column 0", "Column 1")
        cases.append(Case(f"{name} not UTF-8", parquet(table), found))
    return cases


def types() -> list[Case]:
    """Columns of types that are no IDs and no times."""
    columns: list[tuple[str, Any]] = [
        ("bool", [True, False, True]),
        ("binary", [b"a", b"b", b"\xff"]),
        ("list<", [["a"], ["b"], ["c"]]),
        ("struct<", [{"a": 1}] * 3),
        ("decimal128(", [decimal.Decimal("1.5")] * 3),
        ("null", pa.nulls(3)),
        ("fixed_size_binary[16]", pa.array([uuid.UUID(int=1).bytes] * 3, pa.binary(16))),
        ("map<", pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64()))),
    ]
    times = [(f"{kind}", pa.array([1, 2, 3], kind)) for kind in (pa.date32(), pa.timestamp("us"))]
    cases = []
    for name, role in (("user", "user"), ("item", "item"), ("time", "timestamp")):
        kinds = (
            [pair for pair in columns if pair[0] != "decimal128("]
            if name == "time"
            else [*columns, *times]
        )
        for kind, column in kinds:
            found = f"the {role} column has type {kind}"
            if kind == "null":
                found = f", line 1: the {role} is null"
            cases.append(Case(f"{name} {kind}", parquet(GOOD | {name: column}), found))
    table = GOOD | {"time": pa.array([1, 2, 2**63], pa.uint64())}
    cases.append(Case("time 2**63", parquet(table), "the timestamp column has type uint64"))
    table = GOOD | {"time": pa.array([1, 2, 3], pa.time32("ms"))}
    cases.append(Case("time of day", parquet(table), "the timestamp column has type time32[ms]"))
    return cases


def columns() -> list[Case]:
    cases = []
    for name, again in GOOD.items():
        table = {("other" if key == name else key): column for key, column in GOOD.items()}
        found = f"there is no column {name!r}; expected one of "
        cases.append(Case(f"no {name}", parquet(table), found))
        arrays = [pa.array(column) for column in (*GOOD.values(), again)]
        twice = pa.Table.from_arrays(arrays, [*GOOD, name])
        sink = pa.BufferOutputStream()
        pq.write_table(twice, sink)
        content = sink.getvalue().to_pybytes()
        cases.append(Case(f"{name} twice", content, f"column {name!r} is there 2 times"))
    nothing = {name: pa.array(column)[:0] for name, column in GOOD.items()}
    cases.append(Case("no rows", parquet(nothing), "the table is empty; expected at least one"))
    return cases


def bytes_() -> list[Case]:
    whole = parquet(GOOD, compression="gzip")
    found = "not a Parquet file ("
    cut = [
        Case(f"{part} % of it", whole[: len(whole) * part // 100], found)
        for part in range(0, 100, 9)
    ]
    others = [
        ("text", b"user,item,time\na,1,5\n"),
        ("magic only", b"PAR1"),
        ("magic twice", b"PAR1PAR1"),
        ("footer without end", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"),
        ("footer of zeros", b"PAR1" + b"\0" * 100 + b"\x64\0\0\0PAR1"),
        ("without a head", whole[4:-4]),
        ("encrypted footer", whole[:-4] + b"PARE"),
        ("one byte more", whole + b"\0"),
        ("Feather", b"ARROW1\0\0" + b"\0" * 64 + b"ARROW1"),
        ("ORC", b"ORC" + b"\0" * 64),
    ]
    return cut + [Case(name, content, found) for name, content in others]


CASES = [case for cases in (cells, types, columns, bytes_) for case in cases()]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_refused(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_bytes(case.content)
    write_parameters(format="parquet", **COLUMNS)
    refused(capsys, str(FILE) if case.found[0] == "," else case.place, case.found)
