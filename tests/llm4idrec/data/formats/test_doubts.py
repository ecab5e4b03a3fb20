"""What is read but pointed out: one line each, and silence for usual data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.formats.ids import MISSING
from llm4idrec.errors import InputError


def said(
    folder: Path, rows: list[str], capsys: pytest.CaptureFixture[str], header: str = "user,item"
) -> str:
    (folder / "file").write_text("\n".join([header, *rows]), encoding="utf-8")
    read(folder)
    return capsys.readouterr().err.replace(f"{folder}/file: ", "")


def read(folder: Path, **data: Any) -> list[str]:
    path = folder / "file"
    users: list[str] = read_file(
        path, DataConfig(path=path, format="csv", user="user", item="item", **data)
    )["user"].to_pylist()
    return users


@pytest.mark.parametrize("word", MISSING)
def test_missing_values_are_no_users(tmp_path: Path, word: str) -> None:
    (tmp_path / "file").write_text(f'user,item\na,x\n"{word}",y\n')
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/file, line 3: the user is {word!r}; expected an ID; mend or remove the line, "
        "or set data.missing to [] if it is one"
    )
    assert read(tmp_path, missing=[]) == ["a", word]


def test_missing_values_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("user,item\nNA,x\n-1,y\n")
    with pytest.raises(
        InputError, match="line 3: the user is '-1'; expected an ID; mend or remove"
    ):
        read(tmp_path, missing=[-1, "unknown"])
    (tmp_path / "file").write_text("user,item\nNA,x\n,y\n")
    with pytest.raises(InputError, match="line 3: the user is empty; expected an ID"):
        read(tmp_path, missing=[])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a\u200b"),
        ("a", "\ufeffa"),
        ("a", "a\u00a0"),
        ("a", "\u3000a"),
        ("a b", "a\u00a0b"),
        ("\u00e9", "e\u0301"),
        ("a", "a\u00ad"),
        ("12", "12.0"),
        ("12", "0012"),
        ("0.0", "0"),
    ],
)
def test_ids_that_look_alike(
    tmp_path: Path, first: str, second: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = f"{first!a} (line 3) and {second!a} (line 5) differ only in how they are written"
    for role, rows in (
        ("user", ["z,x", f"{first},x", "y,x", f"{second},y"]),
        ("item", ["z,x", f"z,{first}", "z,y", f"z,{second}"]),
    ):
        found = said(tmp_path, [row.replace("\ufeff", "\u2060") for row in rows], capsys)
        assert found == f"{role}s {sentence}; they count as two\n".replace("\\ufeff", "\\u2060")


@pytest.mark.parametrize("other", ["A", "a.", "b", "a-", "à", "1", "a0", "a.0", "00a"])
def test_ids_that_differ(tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(tmp_path, ["a,x", f"{other},x"], capsys) == ""


def test_several_that_look_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{user}{end},x" for end in ("", ".0") for user in range(1, 6)]
    found = said(tmp_path, rows, capsys)
    assert found.startswith("users '1' (line 2) and '1.0' (line 7) differ only in how they are wri")
    assert found.endswith(", as do 4 more; they count as two\n")


def usual(users: int, rows: int) -> list[str]:
    random = np.random.default_rng(0)
    return [f"u{u},i{i}" for u, i in zip(*random.integers(users, size=(2, rows)), strict=True)]


def test_giants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = usual(500, 5000)
    assert said(tmp_path, rows, capsys) == ""
    found = said(tmp_path, [*rows, *(f"unknown,i{k}" for k in range(1000))], capsys)
    assert found == (
        "user 'unknown' has 1000 of 6000 rows; if it stands for unknown users, leave its rows out\n"
    )
    found = said(tmp_path, [*rows, *(f"u{k % 500},0" for k in range(2500))], capsys)
    assert found.startswith("item '0' has 2500 of 7500 rows; if it stands for unknown items, lea")


def test_small_data_have_no_giants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rows in (usual(5, 5000), [f"u0,i{k}" for k in range(900)], usual(300, 300)):
        assert said(tmp_path, rows, capsys) == ""


def test_ratings_that_are_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("rating", "Rating", "stars", "overall"):
        assert said(tmp_path, ["a,x,1"], capsys, f"user,item,{name}") == (
            f"all ratings in column {name!r} count as positives; data.rating and data.min_rating "
            "keep the high ones\n"
        )
    read(tmp_path, rating="overall", min_rating=1)
    assert "positives" not in capsys.readouterr().err
    assert said(tmp_path, ["a,x,1"], capsys, "user,item,rating_count") == ""


@pytest.mark.parametrize(("word", "more"), [("NULL", 2), ("", 2), ("NaN", 1)])
def test_missing_values_are_counted(tmp_path: Path, word: str, more: int) -> None:
    rows = [f"{word},x", "a,x", *[f"{word},y"] * more]
    (tmp_path / "file").write_text("\n".join(["user,item", *rows]))
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    found = f"{word!r}" if word else "empty"
    assert f"line 2: the user is {found}, as in {more} more row" in str(caught.value)
    assert ("rows;" in str(caught.value)) == (more > 1)


def test_nulls_are_counted(tmp_path: Path) -> None:
    users = ["a", None, "b", None, None]
    pq.write_table(pa.table({"user": users, "item": ["x"] * 5}), tmp_path / "file")
    config = DataConfig(path=tmp_path / "file", format="parquet", user="user", item="item")
    with pytest.raises(InputError, match="line 2: the user is null, as in 2 more rows; expected a"):
        read_file(config.path, config)
