from __future__ import annotations

from operator import itemgetter
from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.survey.counted import read_aside
from llm4idrec.survey.finding import finding
from tests.llm4idrec.survey.frames import Rows, iso, shoppers, text

ROWS = shoppers(by_time=True)


def write(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {key: itemgetter(key) for key in ("user", "item", "time")}
    path.write_text(text(rows, columns), encoding="utf-8")


@pytest.mark.parametrize(
    ("train", "test"),
    [("train.csv", "test.csv"), ("ua.train.csv", "ua_test.csv"), ("data1.csv", "test1.csv")],
)
def test_a_train_and_a_test_file(tmp_path: Path, train: str, test: str) -> None:
    write(tmp_path / train, ROWS[:300])
    write(tmp_path / test, ROWS[300:])
    (tmp_path / "README.md").write_text("about")
    found = finding(tmp_path, {})
    assert (found.data["path"], found.data["train"], found.data["test"]) == (
        str(tmp_path),
        train,
        test,
    )
    assert found.config.train_file == tmp_path / train


def test_a_validation_file_is_said_not_to_be_used(tmp_path: Path) -> None:
    for name in ("train", "valid", "test"):
        write(tmp_path / f"{name}.csv", ROWS)
    found = finding(tmp_path, {})
    assert (found.data["train"], found.data["test"]) == ("train.csv", "test.csv")
    assert "'valid.csv': not used, validation is taken from train" in found.remarks


def test_the_ratings_among_other_tables(tmp_path: Path) -> None:
    write(tmp_path / "ratings.csv", ROWS)
    (tmp_path / "movies.csv").write_text("movieId,title\n1,Heat\n")
    found = finding(tmp_path, {})
    assert found.data["path"] == str(tmp_path / "ratings.csv")
    assert any("'movies.csv'" in remark for remark in found.remarks)


def test_files_that_are_one_table(tmp_path: Path) -> None:
    for part in range(3):
        write(tmp_path / f"part-{part}.csv", ROWS[part::3])
    found = finding(tmp_path, {})
    assert found.data["path"] == str(tmp_path)
    assert found.layout.startswith("3 files")
    assert len(read_aside(tmp_path, found.config)[0]) == len(ROWS)


def test_folders_that_give_the_time(tmp_path: Path) -> None:
    for day in sorted({iso(row["time"], "%Y-%m-01") for row in ROWS}):
        part = [row for row in ROWS if iso(row["time"], "%Y-%m-01") == day]
        path = tmp_path / f"month={day}" / "0.csv"
        path.parent.mkdir()
        columns = {key: itemgetter(key) for key in ("user", "item")}
        path.write_text(text(part, columns), encoding="utf-8")
    found = finding(tmp_path, {})
    assert found.data["timestamp"] == "month"
    assert len(read_aside(tmp_path, found.config)[0]) == len(ROWS)


def test_a_folder_that_does_not_show_which_file_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROWS)
    (tmp_path / "b.csv").write_text("movieId;title\n1;Heat\n2;Up\n")
    with pytest.raises(InputError, match=r"'a.csv', 'b.csv'.*name the file of the interactions"):
        finding(tmp_path, {})


def test_an_empty_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder with no file"):
        finding(tmp_path, {})
    with pytest.raises(InputError, match="there is no such file"):
        finding(tmp_path / "a", {})
