"""Ratings and kinds of events: which rows count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.rows import read_rows
from llm4idrec.data.split import split_raw
from llm4idrec.errors import InputError
from llm4idrec.stages.prepare import read

COLUMNS: dict[str, list[Any]] = {
    "user": ["a", "b", "c", "d"],
    "item": ["x", "y", "z", "x"],
    "stars": [5.0, 3.5, 4.0, 1.0],
    "event": ["buy", "view", "buy", "cart"],
    "verified": [True, True, False, True],
    "count": [1, 2, 3, 4],
}


def kept(folder: Path, format: str = "csv", columns: dict[str, Any] = COLUMNS, **data: Any) -> str:
    """The users whose rows count."""
    path, table = folder / "file", pa.table(columns)
    if format == "parquet":
        pq.write_table(table, path)
    elif format == "csv":
        pyarrow.csv.write_csv(table, path)
    else:
        path.write_text(table.to_pandas().to_json(orient="records", lines=True))
    config = file_of(path, format, **data)
    return "".join(read_file(path, config)["user"].to_pylist())


def file_of(path: Path, format: str, **data: object) -> DataConfig:
    given = {"path": path, "format": format, "user": "user", "item": "item"}
    return DataConfig.model_validate(given | data)


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize(
    ("data", "users"),
    [
        ({"rating": "stars", "min_rating": 4}, "ac"),
        ({"rating": "stars", "min_rating": 3.5}, "abc"),
        ({"rating": "count", "min_rating": 4}, "d"),
        ({"where": {"event": "buy"}}, "ac"),
        ({"where": {"event": ["buy", "cart"]}}, "acd"),
        ({"where": {"event": ["buy", "cart"], "verified": True}}, "ad"),
        ({"where": {"verified": False}}, "c"),
        ({"where": {"count": [1, 2.0]}}, "ab"),
        ({"where": {"stars": [4, 3.5]}}, "bc"),
        ({"where": {"event": ["buy", "sell"]}, "rating": "stars", "min_rating": 4.5}, "a"),
    ],
)
def test_rows_that_count(
    tmp_path: Path,
    format: str,
    data: dict[str, Any],
    users: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert kept(tmp_path, format, **data) == users
    said = f"{tmp_path}/file: {len(users)} of 4 rows meet data.where and data.min_rating\n"
    assert capsys.readouterr().err.startswith(said)


def test_what_does_not_count_may_be_wrong(tmp_path: Path) -> None:
    columns = COLUMNS | {"user": ["a", "NULL", "c", "d"], "stars": ["5", "", "4", "3"]}
    assert kept(tmp_path, columns=columns, where={"event": ["buy", "cart"]}) == "acd"
    assert kept(tmp_path, columns=columns, rating="stars", min_rating=4) == "ac"
    columns |= {"user": ["a", None, "c", "d"]}
    assert kept(tmp_path, "parquet", columns, where={"event": "buy"}) == "ac"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"where": {"event": "sell"}},
            ": no row has event 'sell'; expected some of 'buy', 'cart', 'view'; correct data.where",
        ),
        ({"where": {"event": ["sell", "rent"]}}, ": no row has event 'sell' or 'rent'; expected"),
        (
            {"where": {"event": "view", "verified": False}},
            ": no row has verified 'false' and meets the conditions before; expected some of",
        ),
        ({"where": {"kind": "buy"}}, ": there is no column 'kind'; expected one of 'user', "),
        (
            {"rating": "stars", "min_rating": 6},
            ": no row has a rating of at least 6; expected at most 5.0, the highest; lower data",
        ),
        ({"rating": "event", "min_rating": 1}, ", line 2: the rating is 'buy'; expected a number"),
    ],
)
def test_faults(tmp_path: Path, data: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        kept(tmp_path, **data)
    assert str(caught.value).removeprefix(f"{tmp_path}/file").startswith(message)


def test_a_decimal_comma_is_called_one(tmp_path: Path) -> None:
    columns = COLUMNS | {"stars": ["5", "3,5", "4", "1"]}
    with pytest.raises(InputError, match=r"line 3: the rating is '3,5'.*for the decimal comma"):
        kept(tmp_path, columns=columns, rating="stars", min_rating=4)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    columns = COLUMNS | {"item": ["x", "y", "z", ""]}
    with pytest.raises(InputError, match=r"file, line 5: the item is empty"):
        kept(tmp_path, columns=columns, where={"event": ["buy", "cart"]})


def test_the_rows_left_out_are_counted(tmp_path: Path) -> None:
    lines = [f"u{u},i{i},{1 + (u + i) % 5}" for u in range(9) for i in range(9)]
    (tmp_path / "file").write_text("\n".join(["user,item,stars", *lines]))
    for more, counts in (({}, {}), ({"rating": "stars", "min_rating": 2}, {"pairs_left_out": 16})):
        config = file_of(tmp_path / "file", "csv", **more)
        read(tmp_path / "raw", config)
        raw = read_rows(tmp_path / "raw" / "train.parquet")
        summary = split_raw(
            raw, None, data=config, split=SplitConfig(protocol="random"), seed=1
        ).summary
        assert {key: summary[key] for key in summary if "left_out" in key} == counts
        assert summary["pairs_read"] == 81 - summary.get("pairs_left_out", 0)


@pytest.mark.parametrize(
    ("wanted", "users"),
    [("2.1.0", "a"), ("v1.0", "c"), ("2.0", "ef"), ("-3.0", "g"), (2, "ef")],
)
def test_only_whole_numbers_have_two_spellings(
    tmp_path: Path, wanted: str | float, users: str
) -> None:
    versions = ["2.1.0", "2.1", "v1.0", "v1", "2", "2.0", "-3"]
    columns = {"user": list("abcdefg"), "item": ["x"] * 7, "version": versions}
    assert kept(tmp_path, columns=columns, where={"version": [wanted]}) == users


def test_numbers_in_json_lines_are_compared_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(
        "".join(
            f'{{"u": "{user}", "i": "x", "e": {number}}}\n'
            for user, number in zip("abcd", ("4.50", "4.5", "0.45e1", "4.51"), strict=True)
        )
    )
    config = file_of(tmp_path / "file", "jsonl", user="u", item="i", where={"e": [4.5]})
    assert read_file(config.path, config)["user"].to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_a_rating_is_compared_in_the_type_of_its_column(tmp_path: Path, kind: pa.DataType) -> None:
    stars = pa.array([4.0, 4.1, 4.2, 5.0], pa.float32()).cast(kind)
    if kind == pa.float64():
        stars = pa.array([4.0, 4.1, 4.2, 5.0], kind)
    columns = COLUMNS | {"stars": stars}
    assert kept(tmp_path, "parquet", columns, rating="stars", min_rating=4.1) == "bcd"


def test_the_highest_rating_is_told_as_its_type_writes_it(tmp_path: Path) -> None:
    columns = COLUMNS | {"stars": pa.array([4.0, 4.1, 1.0, None], pa.float32())}
    with pytest.raises(InputError, match=r"of at least 5; expected at most 4\.1, the highest"):
        kept(tmp_path, "parquet", columns, rating="stars", min_rating=5)


def test_ratings_that_floats_do_not_hold(tmp_path: Path) -> None:
    columns = COLUMNS | {"count": [1, 2, 2**53 + 1, 2**62 + 1]}
    assert kept(tmp_path, "parquet", columns, rating="count", min_rating=3) == "cd"


@pytest.mark.parametrize("before", ["nan", "1.", "inf", ""])
def test_the_line_of_a_rating_that_is_no_number(tmp_path: Path, before: str) -> None:
    columns = COLUMNS | {"stars": [before, "3", "abc", "abd"]}
    with pytest.raises(InputError, match=r"line 4: the rating is 'abc'; expected a number"):
        kept(tmp_path, columns=columns, rating="stars", min_rating=1)
