"""Folders whose files are one table: each fault is still told by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.formats import folder, read_file
from llm4idrec.data.rows import read_rows
from llm4idrec.data.source import Source
from llm4idrec.data.split import split_raw
from llm4idrec.errors import InputError
from llm4idrec.stages.prepare import read

NAMES = {"user": "user", "item": "item", "timestamp": "time"}
RANDOM = SplitConfig(protocol="random")


def write(path: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = path / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def config(path: Path, format: str = "csv", **data: Any) -> DataConfig:
    named = {} if format.startswith(("self", "llm")) else NAMES
    return DataConfig.model_validate({"path": path, "format": format, **named, **data})


def rows(path: Path, format: str = "csv", **data: Any) -> list[Any]:
    table = read_file(path, config(path, format, **data))
    return list(zip(*(table[n].to_pylist() for n in ("user", "item", "line")), strict=True))


def sentence(path: Path, format: str = "csv", **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        rows(path, format, **data)
    return str(caught.value).removeprefix(str(path))


def test_files_are_one_table(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "b.csv": "user,item,time\nb,y,6\n",
            "a.csv": "user,time,item\n\na,5,x\n",
            "sub__c.csv": "user,item,time\nc,z,7\n",
            "empty.csv": "user,item,time\n",
            "nothing.csv": "",
            "_SUCCESS": "",
            "a.csv.dvc": "outs: []",
            ".hidden.csv": "?",
            "_temporary__d.csv": "?",
        },
    )
    assert rows(tmp_path) == [("a", "x", 3), ("b", "y", 5), ("c", "z", 7)]
    table = read_file(tmp_path, config(tmp_path))
    assert table["timestamp"].to_pylist() == [5, 6, 7]
    source = Source.of(table, tmp_path)
    assert [source.named(line) for line in (3, 5, 7)] == [
        "line 3 of a.csv",
        "line 2 of b.csv",
        "line 2 of sub/c.csv",
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, ": is a folder without a file; expected files that are one table; names"),
        ({"_SUCCESS": "", ".a.csv": "x"}, ": is a folder without a file"),
        (
            {"a.csv": "", "README.txt": ""},
            ": is a folder that holds README.txt and a.csv; expected files of one kind",
        ),
        ({"a.csv": "", "b.csv": ""}, "/b.csv: the file is empty; expected at least one"),
        ({"b.csv": "user,item,time\nb,x,noon\n"}, "/b.csv, line 2: the timestamp is 'noon'; exp"),
        ({"b.csv": "user,item,time\nb,x,7\nb,,7\n"}, "/b.csv, line 3: the item is empty; expected"),
        ({"b.csv": "user,item,time\nb,x\n"}, "/b.csv, line 2: 2 columns; expected 3, as in the he"),
        (
            {"b.csv": "user,item\nb,x\n"},
            "/b.csv: there is no column 'time'; expected one of 'user'",
        ),
        (
            {"b.csv": "user,item,time\nb,x,2024-01-01\n"},
            "/b.csv, line 2: the timestamp is '2024-01-01', ISO 8601, and on line 2 of a.csv '5'",
        ),
    ],
)
def test_faults(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    first = {} if len(texts) != 1 else {"a.csv": "user,item,time\na,x,5\na,y,6\n"}
    write(tmp_path, **first, **texts)
    assert sentence(tmp_path).startswith(message)


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_FILES", 2)
    write(tmp_path, **{f"{name}.csv": "" for name in "abc"})
    assert sentence(tmp_path).startswith(": is a folder of more than 2 files; expected the inter")


def test_one_unit_for_all_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "a.csv": "user,item,time\na,x,2024-01-01\n",
            "b.csv": "user,item,time\na,y,2024-01-01 00:00:00.5\n",
        },
    )
    first, second = read_file(tmp_path, config(tmp_path))["timestamp"].to_pylist()
    assert second - first == 500_000


def test_later_faults_name_file_and_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pairs = "".join(f"u{u},i{i},{i}\n" for u in range(3) for i in range(4))
    write(data, **{"a.csv": f"user,item,time\n{pairs}", "b.csv": "user,item,time\nu0,i2,9\n"})
    wanted = config(data, duplicates="refuse")
    read(tmp_path / "raw", wanted)
    with pytest.raises(InputError) as caught:
        split_raw(
            read_rows(tmp_path / "raw" / "train.parquet"), None, data=wanted, split=RANDOM, seed=1
        )
    assert str(caught.value).startswith(
        f"{data}/b.csv, line 2: user 'u0' has item 'i2' twice, first on line 4 of a.csv; expected"
    )
    write(data, **{"b.csv": "user,item,time\n\nu9,i2,9\n"})
    read(tmp_path / "raw", wanted)
    with pytest.raises(InputError) as caught:
        split_raw(
            read_rows(tmp_path / "raw" / "train.parquet"), None, data=wanted, split=RANDOM, seed=1
        )
    assert str(caught.value).startswith(f"{data}/b.csv, line 3: user 'u9' has 1 interaction; exp")


def test_partitions_are_columns(tmp_path: Path) -> None:
    for day, user in (("2024-01-01", "a"), ("2024-01-02", "b")):
        file = tmp_path / f"day={day}" / "kind=buy%2Fsell" / "part-0.snappy.parquet"
        file.parent.mkdir(parents=True)
        pq.write_table(pa.table({"user": [user, "c"], "item": [1, 2]}), file)
    (tmp_path / "_SUCCESS").touch()
    table = read_file(tmp_path, config(tmp_path, "parquet", timestamp="day"))
    assert table["user"].to_pylist() == ["a", "c", "b", "c"]
    assert table["timestamp"].to_pylist() == [1704067200] * 2 + [1704153600] * 2
    assert rows(tmp_path, "parquet", timestamp=None, where={"day": "2024-01-02"}) == [
        ("b", "1", 3),
        ("c", "2", 4),
    ]
    assert rows(tmp_path, "parquet", timestamp=None, item="kind")[0] == ("a", "buy/sell", 1)


def test_types_of_parquet_files_may_differ(tmp_path: Path) -> None:
    for name, users, times in (
        ("a", [1], pa.array([5], pa.timestamp("ms"))),
        ("b", ["x"], pa.array([6000], pa.timestamp("us"))),
    ):
        table = pa.table({"user": users, "item": [1], "time": times})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    table = read_file(tmp_path, config(tmp_path, "parquet"))
    assert table["user"].to_pylist() == ["1", "x"]
    assert table["timestamp"].to_pylist() == [5000, 6000]
    pq.write_table(pa.table({"user": [1], "item": [1], "time": ["7"]}), tmp_path / "c.parquet")
    assert sentence(tmp_path, "parquet").startswith(": the files do not make one table (")


def test_users_of_sequences_have_one_file(tmp_path: Path) -> None:
    write(tmp_path, **{"a.txt": "a x y\n", "b.txt": "b x\n"})
    assert rows(tmp_path, "llm_recsys_sequential")[-1] == ("b", "x", 2)
    write(tmp_path, **{"b.txt": "c x\na z\n"})
    assert sentence(tmp_path, "llm_recsys_sequential").startswith(
        "/b.txt, line 2: user 'a' has a line already, in another file; expected one line a user"
    )


def test_links(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"given__a.csv": "user,item,time\na,x,5\n", "other__b.csv": "user,item,time\nb,x,5\n"},
    )
    (tmp_path / "given" / "more").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "round").symlink_to(tmp_path / "given")
    assert rows(tmp_path / "given") == [("a", "x", 2), ("b", "x", 4)]


def test_train_and_test_may_be_folders(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write(tmp_path, **{f"{part}__a.csv": f"user,item,time\n{part},x,5\n"})
    read(tmp_path / "raw", data=config(tmp_path, train="train", test="test"))
    for part in ("train", "test"):
        assert pq.read_table(tmp_path / "raw" / f"{part}.parquet")["user"].to_pylist() == [part]


def test_a_key_may_be_absent_in_one_file_of_several(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='{"user": "a", "item": "x", "event": null}\n{"user": "b", "item": "x"}\n',
        b='{"user": "c", "item": "x", "event": "buy"}\n',
    )
    given = {"timestamp": None, "where": {"event": "buy"}}
    assert rows(tmp_path, "jsonl", **given) == [("c", "x", 3)]
    given["where"] = {"Event": "buy"}
    assert sentence(tmp_path, "jsonl", **given) == (
        ": there is no key 'Event'; expected one of 'user', 'item', 'event'; did you mean 'event'? "
        "correct data.where"
    )


@pytest.mark.parametrize("value", ["a%FFb", "a%FEb", "a%00b", "\udcff"])
def test_values_of_folders_that_are_no_text(tmp_path: Path, value: str) -> None:
    write(tmp_path, **{f"user={value}__a.csv": "item,time\nx,5\n"})
    assert ": a folder is named for " in sentence(tmp_path)
    write(tmp_path, **{f"user={value}__a.csv": "user,item,time\na,x,5\n"})
    other = tmp_path / "other"
    write(other, **{f"day={value}__a.csv": "user,item,time\na,x,5\n"})
    assert rows(other) == [("a", "x", 2)]


@pytest.mark.parametrize("value", ["7", " 7 ", "%207", "7%09"])
def test_values_of_folders_are_trimmed(tmp_path: Path, value: str) -> None:
    write(tmp_path, **{f"user={value}__a.csv": "item,time\nx,5\n"})
    assert rows(tmp_path) == [("7", "x", 2)]
