"""The suites on good data, and the sentence for each fault that somebody may make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.expectations import augmented_validation
from llm4idrec.augmentation.merging import merge_candidates
from llm4idrec.config import DataConfig
from llm4idrec.data.expectations import raw_validation
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json
from llm4idrec.stages.prepare import read
from steps.validation import validate as check

HISTORIES = "user,item,time\n" + "".join(f"u{u},i{i},{i}\n" for u in range(3) for i in range(4))
CANDIDATES = {
    "user": pa.array([0, 0, 2, 2], pa.int32()),
    "item": pa.array([3, 4, 3, 3], pa.int32()),
    "votes": pa.array([3, 0, 4, 4], pa.int32()),
    "mean_log_probability": pa.array([-0.5, -1.5, -0.1, -0.1], pa.float32()),
    "popularity_exponent": pa.array([0, 0, 0, 1], pa.float32()),
    "rank": pa.array([1, 2, 1, 1], pa.int32()),
}


def raw(folder: Path, content: str, test: str | None = None, **values: Any) -> DataConfig:
    (folder / "train.csv").write_text(content)
    if test:
        (folder / "test.csv").write_text(test)
        values["test"] = "test.csv"
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    data = DataConfig(path=folder, train="train.csv", format="csv", **{**columns, **values})
    read(folder / "raw", data)
    return data


@pytest.mark.slow
def test_good_raw_data(tmp_path: Path) -> None:
    data = raw(tmp_path, HISTORIES + "u0,i0,9\n", "user,item,time\nu1,i9,5\n")
    check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")
    summary = read_json(tmp_path / "docs" / "summary.json")
    assert summary["train_rows"] == 13
    assert summary["train_repeated_pairs"] == 1
    assert summary["train_shortest_history"] == 4
    assert summary["test_rows"] == 1
    assert all(isinstance(number, int | float) for number in summary.values())
    assert (tmp_path / "docs" / "index.html").is_file()
    pages = (tmp_path / "docs" / "validations").rglob("*.html")
    assert sorted(page.name for page in pages) == [
        "interactions-raw_test.html",
        "interactions-raw_train.html",
    ]


def test_times_before_1970_are_times(tmp_path: Path) -> None:
    data = raw(tmp_path, HISTORIES + "u0,i9,-1\nu1,i9,-86400\n")
    check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")
    assert read_json(tmp_path / "docs" / "summary.json")["train_rows"] == 14


@pytest.mark.slow
def test_a_fault_in_a_folder_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text(HISTORIES)
    (tmp_path / "data" / "b.csv").write_text("user,item,time\n\nu7,i1,3\n")
    named = {"user": "user", "item": "item", "timestamp": "time"}
    data = DataConfig.model_validate({"path": tmp_path / "data", "format": "csv", **named})
    read(tmp_path / "raw", data)
    with pytest.raises(InputError, match=r"data/b\.csv, line 3: user 'u7' has 1 interaction;"):
        check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")


@pytest.mark.parametrize(
    ("more", "values", "message"),
    [
        (
            "u7,i1,3\n",
            {},
            "train.csv, line 14: user 'u7' has 1 interaction; expected at least 3 "
            "(data.min_history); set data.drop_short_histories to true to leave such users out, or "
            "data.min_history to 1 to leave them to data.k_core",
        ),
        (
            "u7,i1,3\nu7,i2,3\nu7,i1,4\n",
            {},
            "train.csv, line 14: user 'u7' has 2 interactions; expected at least 3",
        ),
        (
            "u0,i2,9\n",
            {"duplicates": "refuse"},
            "train.csv, line 4: user 'u0' has item 'i2' more than once; expected each pair once",
        ),
    ],
)
def test_raw_faults(tmp_path: Path, more: str, values: dict[str, Any], message: str) -> None:
    data = raw(tmp_path, HISTORIES + more, **values)
    with pytest.raises(InputError) as caught:
        check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "train.csv"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"user": [None, "b"]}, "line 2: the user is missing; expected an ID"),
        ({"item": ["x", ""]}, "line 3: the item is empty; expected an ID"),
        ({"item": [1, 2]}, "the item column holds int64; expected strings"),
        ({"timestamp": [0.5, 1.0]}, "the timestamp column holds float64; expected whole numbers"),
    ],
)
def test_raw_tables_of_other_makers(tmp_path: Path, column: dict[str, Any], message: str) -> None:
    data = raw(tmp_path, HISTORIES, min_history=1)
    columns = {"user": ["a", "b"], "item": ["x", "y"], "timestamp": [1, 2], "line": [2, 3]}
    pq.write_table(pa.table({**columns, **column}), tmp_path / "raw" / "train.parquet")
    with pytest.raises(InputError, match=re.escape(message)):
        check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")


def test_short_histories_that_are_left_out_are_no_fault(tmp_path: Path) -> None:
    data = raw(tmp_path, HISTORIES + "u7,i1,3\n", drop_short_histories=True)
    check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")
    assert read_json(tmp_path / "docs" / "summary.json")["train_shortest_history"] == 1


def test_short_test_sets_are_no_fault(tmp_path: Path) -> None:
    data = raw(tmp_path, HISTORIES, "user,item,time\nu1,i9,5\n", min_history=4)
    check(raw_validation(tmp_path / "raw", data), tmp_path / "docs")
    assert read_json(tmp_path / "docs" / "summary.json")["test_shortest_history"] == 1


def augmented(folder: Path) -> pa.Table:
    """Known and augmented folders of three users and five items; the augmented table."""
    pairs = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (2, 0), (2, 4)]
    users, items = zip(*pairs, strict=True)
    train = Interactions(pa.array(users).to_numpy(), pa.array(items).to_numpy(), 3, 5)
    train.write(folder / "known" / "interactions.parquet")
    merged = pa.concat_tables(merge_candidates(train, [pa.table(CANDIDATES)], rows=100))
    (folder / "augmented").mkdir()
    pq.write_table(merged, folder / "augmented" / "interactions.parquet")
    return merged


def validate(folder: Path, table: pa.Table) -> None:
    pq.write_table(table, folder / "augmented" / "interactions.parquet")
    check(augmented_validation(folder / "augmented", folder / "known"), folder / "docs")


@pytest.mark.slow
def test_good_augmented_data(tmp_path: Path) -> None:
    validate(tmp_path, augmented(tmp_path))
    summary = read_json(tmp_path / "docs" / "summary.json")
    assert summary["original_pairs"] == 7
    assert summary["generated_pairs"] == 3  # one of them in two orders
    assert summary["users_with_generated_pairs"] == 2
    assert summary["largest_relative_rank"] == 0.5
    assert (tmp_path / "docs" / "index.html").is_file()


def test_nothing_generated_is_no_fault(tmp_path: Path) -> None:
    table = augmented(tmp_path)
    validate(tmp_path, table.filter(pc.equal(table["origin"], "original")))
    assert read_json(tmp_path / "docs" / "summary.json")["generated_pairs"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "values", "message"),
    [
        (8, {"origin": "made up"}, "the origin of pair (0, 4) is 'made up'; expected original or"),
        (8, {"item": 3}, "pair (0, 3) is repeated; expected distinct pairs, in each order of"),
        (10, {"popularity_exponent": 0.0}, "pair (2, 3) is repeated; expected distinct pairs"),
        (1, {"item": 0}, "pair (0, 0) is repeated; expected distinct pairs"),
        (
            9,
            {"popularity_exponent": -0.5},
            "the popularity_exponent of generated pair (2, 3) is -0.5; expected 0 or",
        ),
        (
            9,
            {"popularity_exponent": None},
            "the popularity_exponent of generated pair (2, 3) is nan; expected 0 or",
        ),
        (9, {"item": 0}, "pair (2, 0) is called generated; expected the known pairs, and"),
        (9, {"origin": "original"}, "pair (2, 3) is called original; expected the known pairs"),
        (
            1,
            {"origin": "generated", "relative_rank": 0.5},
            "pair (0, 1) is called generated; expected",
        ),
        (3, {"item": 2}, "pair (1, 2) is called original; expected the known pairs"),
        (9, {"item": 5}, "item 5 is not known; expected 0 to 4"),
        (
            9,
            {"relative_rank": 0.0},
            "the relative_rank of generated pair (2, 3) is 0; expected more than 0",
        ),
        (9, {"votes": -1}, "the votes of generated pair (2, 3) is -1; expected 0 or more"),
        (9, {"rank": None}, "the rank of generated pair (2, 3) is nan; expected at least 1"),
        (
            9,
            {"mean_log_probability": 0.5},
            "the mean_log_probability of generated pair (2, 3) is 0.5; expected 0 or less",
        ),
    ],
)
def test_augmented_faults(tmp_path: Path, row: int, values: dict[str, Any], message: str) -> None:
    table = augmented(tmp_path)
    rows = table.to_pylist()
    rows[row] |= values
    with pytest.raises(InputError) as caught:
        validate(tmp_path, pa.Table.from_pylist(rows, table.schema))
    assert str(caught.value).startswith(f"{tmp_path}/augmented/interactions.parquet: {message}")
    assert not (tmp_path / "docs").exists()


def test_lost_pairs_are_named(tmp_path: Path) -> None:
    table = augmented(tmp_path)
    lost = pc.and_(pc.equal(table["user"], 1), pc.equal(table["item"], 4))
    with pytest.raises(InputError, match=r"known pair \(1, 4\) is missing; expected every"):
        validate(tmp_path, table.filter(pc.invert(lost)))


def test_lost_columns_are_named(tmp_path: Path) -> None:
    table = augmented(tmp_path).drop_columns(["votes"])
    with pytest.raises(InputError, match="there is no column 'votes'; expected columns user, item"):
        validate(tmp_path, table)
