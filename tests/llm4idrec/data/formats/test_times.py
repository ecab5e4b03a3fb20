"""Times as people write them: in order, and none become one."""

from __future__ import annotations

import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.errors import InputError

NOON = 1704110400  # 2024-01-01 12:00:00 UTC


def times(folder: Path, values: list[Any], format: str = "csv") -> list[int]:
    """What is read of a file that holds them."""
    path = folder / "file"
    if format == "parquet":
        pq.write_table(
            pa.table({"u": ["a"] * len(values), "i": ["x"] * len(values), "t": values}), path
        )
    elif format == "jsonl":
        path.write_text("".join(f'{{"u": "a", "i": "x", "t": "{value}"}}\n' for value in values))
    else:
        mark = "," if format == "csv" else "\t"
        rows = [mark.join(("a", "x", f'"{v}"' if format == "csv" else v)) for v in values]
        path.write_text("\n".join([mark.join("uit"), *rows]) + "\n")
    columns = {"user": "u", "item": "i", "timestamp": "t"}
    data = DataConfig.model_validate({"path": path, "format": format, **columns})
    read: list[int] = read_file(path, data)["timestamp"].to_pylist()
    return read


@pytest.mark.parametrize("format", ["csv", "tsv", "recbole", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["5", "-6"], [5, -6]),
        (["5", "-6.0"], [5, -6]),
        (["1.5e9", "1E3", "+5"], [1_500_000_000, 1000, 5]),
        (["1260759144.25", "1260759144"], [126075914425, 126075914400]),
        (["0.1", ".05", "-2.5", "7."], [10, 5, -250, 700]),
        (["9223372036854775807", "1"], [2**63 - 1, 1]),
        (["2024-01-01", "1969-12-31"], [NOON - 43200, -86400]),
        (["2024-01-01T12:00:00", "2024-01-01 12:00", "2024-01-01"], [NOON, NOON, NOON - 43200]),
        (["2024-01-01T12:00:00Z", "2024-01-01T14:00:00+02:00"], [NOON, NOON]),
        (["2024-01-01 12:00:00 UTC", "2024-01-01 07:00:00 -0500"], [NOON, NOON]),
        (["2024-01-01T12:00:00.5", "2024-01-01"], [NOON * 10**6 + 500_000, (NOON - 43200) * 10**6]),
        (
            ["2024-01-01 12:00:00,250", "2024-01-01"],
            [NOON * 10**6 + 250_000, (NOON - 43200) * 10**6],
        ),
        (["2024-01-01T12:00:00.1234567Z"], [NOON * 10**9 + 123_456_700]),
    ],
)
def test_texts(tmp_path: Path, format: str, texts: list[str], expected: list[int]) -> None:
    assert times(tmp_path, texts, format) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1.25, -2.0], [125, -200]),
        ([1e-7, 1e9], [1, 10**16]),
        (pa.array([0.1, 0.5], pa.float32()), [1, 5]),
        (pa.array([0.25, 2], pa.float16()), [25, 200]),
        ([datetime.datetime(2024, 1, 1, 12, 0, 0, 1)], [NOON * 10**6 + 1]),
        (pa.array([NOON], pa.timestamp("ms", "Europe/Paris")), [NOON]),
        (pa.array([-1], pa.date32()), [-1]),
        (pa.array(["2024-01-01T12:00:00"]).dictionary_encode(), [NOON]),
        (pa.array(["1.5"], pa.large_string()), [15]),
    ],
)
def test_parquet(tmp_path: Path, column: Any, expected: list[int]) -> None:
    assert times(tmp_path, column, "parquet") == expected


def test_json_numbers(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('{"u":"a","i":1,"t":1260759144.25}\n{"u":"a","i":2,"t":7}\n')
    data = DataConfig(path=path, format="jsonl", user="u", item="i", timestamp="t")
    assert read_file(path, data)["timestamp"].to_pylist() == [126075914425, 700]


decimals = st.builds(
    lambda whole, rest: f"{whole}.{rest}" if rest else str(whole),
    st.integers(-(10**10), 10**10),
    st.text("0123456789", max_size=6),
)


@given(values=st.lists(decimals, min_size=2, max_size=8))
def test_order_is_kept(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    read = times(tmp_path_factory.mktemp("times"), values)
    exact = [Fraction(value) for value in values]
    for first in range(len(values)):
        for second in range(first):
            assert (read[first] < read[second]) == (exact[first] < exact[second])
            assert (read[first] == read[second]) == (exact[first] == exact[second])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["5", "6", "2024-01-01"],
            "line 4: the timestamp is '2024-01-01', ISO 8601, and on line 2",
        ),
        (["2024-01-01", "6"], "line 3: the timestamp is '6', a number, and on line 2 '2024-01-01'"),
        (["5", "noon"], "line 3: the timestamp is 'noon'; expected a number, such as"),
        (["noon", "5"], "line 2: the timestamp is 'noon'; expected a number, such as"),
        (["2024-01-01", "noon"], "line 3: the timestamp is 'noon'; expected a number"),
        (["2024-01-01", "2024-13-01"], "line 3: the timestamp is '2024-13-01'; expected a number"),
        (["2024-01-01", "2024-02-30 10:00"], "line 3: the timestamp is '2024-02-30 10:00'"),
        (
            ["2024-01-01T10:00:00", "2024-01-01T10:00:00Z"],
            "line 3: the timestamp is '2024-01-01T10:00:00Z', with a zone unlike that on line 2;",
        ),
        (
            ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00"],
            "line 3: the timestamp is '2024-01-01T10:00:00', without a zone unlike that on line 2",
        ),
        (
            ["5", "6,5"],
            "line 3: the timestamp is '6,5'; expected a number, such as seconds since ",
        ),
        (["1e30", "5"], "line 2: the timestamp is '1e30'; expected a number below 2**63"),
        (["9" * 500, "5"], "line 2: the timestamp is '999"),
        (["1.5", "0." + "0" * 20 + "1"], "line 3: the timestamp is '0.000"),
        (
            ["1.5", "9223372036854775807"],
            "line 3: the timestamp is '9223372036854775807'; expected a",
        ),
    ],
)
def test_what_is_no_time(tmp_path: Path, texts: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        times(tmp_path, texts)
    assert str(caught.value).removeprefix(f"{tmp_path}/file, ").startswith(message)


def test_a_decimal_comma_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write a point for the decimal comma"):
        times(tmp_path, ["5", "6,5"])


def test_two_units_are_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert times(tmp_path, ["1260759144", "1260759144000"]) == [1260759144, 1260759144000]
    assert capsys.readouterr().err == (
        f"{tmp_path}/file: times of several units: 1 would be seconds, as 1260759144 on line 2; "
        "1 would be milliseconds, as 1260759144000 on line 3; they are ordered as numbers; "
        "convert them to one unit\n"
    )
    for usual in (["1260759144", "960759144"], ["1260759144000", "5"], ["1260759144.5", "7"]):
        times(tmp_path, usual)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("odd", ["0x10", "0XfF", "0xFFFFFFFFFFFFFFFF"])
def test_hexadecimal_numbers_are_no_times(tmp_path: Path, format: str, odd: str) -> None:
    for values in ([odd, "5"], ["5", odd]):
        with pytest.raises(InputError, match=f"the timestamp is '{odd}'; expected a number"):
            times(tmp_path, values, format)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            ["1700000000.5", "1600000000000", "1700000001"],
            "2 would be seconds, as 1700000000.5 on line 2; "
            "1 would be milliseconds, as 1600000000000 on line 3",
        ),
        (["1700000000.123", "900000.1"], None),
        (["1700000000.123456", "1600000000.1"], None),
    ],
)
def test_units_are_those_of_the_numbers_in_the_file(
    tmp_path: Path, values: list[str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    times(tmp_path, values)
    sentence = f"{tmp_path}/file: times of several units: {said}; they are ordered as numbers; "
    assert capsys.readouterr().err == (f"{sentence}convert them to one unit\n" if said else "")
