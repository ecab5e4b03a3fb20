"""From a file of histories to a file of items, on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from llm4idrec.errors import InputError
from pipelines import run
from pipelines.registry.answers import OUT, write_items
from pipelines.registry.histories import read_histories
from pipelines.registry.history_file import frame
from pipelines.registry.registry import CHAMPION, MODEL
from tests.pipelines.conftest import SERVED, Workshop

COLUMNS: Mapping[str, str | None] = {"user": "user", "item": "item", "timestamp": None}
Output = pytest.CaptureFixture[str]
Reader = Callable[[str | Path], pd.DataFrame]


def read(file: Path, columns: Mapping[str, str | None] = COLUMNS) -> pd.DataFrame:
    return frame(read_histories(file, columns).rows(slice(None)))


def test_recommend_writes_a_file_in_own_ids(workshop: Workshop, capsys: Output) -> None:
    workshop.register({"mf": 0.1})
    Path("new.csv").write_text(
        "user,item,timestamp\nzoe,m3,20\nadam,m1,5\nzoe,m8,10\nzoe,unheard,1\nadam,m1,6\n"
    )
    command = ["recommend", "--histories", "new.csv", "--model", SERVED, "--items", "3"]
    assert run.main([*command, "--to", "deep/out.csv"]) == 0
    found = pd.read_csv("deep/out.csv")
    assert list(found.columns) == ["user", "item", "rank", "mean_log_probability"]
    assert found["user"].tolist() == ["zoe"] * 3 + ["adam"] * 3
    assert found["rank"].tolist() == [1, 2, 3] * 2
    assert not set(found.loc[found["user"] == "zoe", "item"]) & {"m3", "m8"}
    assert capsys.readouterr().out == "deep/out.csv: 6 rows, for 2 of 2 users\n"
    assert [path.name for path in Path("deep").iterdir()] == ["out.csv"]


def test_histories_stand_in_time_order_and_users_as_they_come(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("item,timestamp,user\nm3,20,zoe\nm1,5,adam\nm8,10,zoe\n")
    found = read(file)
    assert found.to_dict("list") == {"user": ["zoe", "adam"], "items": [["m8", "m3"], ["m1"]]}
    file.write_text("user,item\n007,m3\nadam,m1\n007,m8\n")
    found = read(file)
    assert found.to_dict("list") == {"user": ["007", "adam"], "items": [["m3", "m8"], ["m1"]]}


def test_whom_nothing_is_known_of_does_not_stop_the_others(
    workshop: Workshop, capfd: Output
) -> None:
    workshop.register({"mf": 0.1})
    everything = "".join(f"omni,m{item}\n" for item in range(30))
    Path("new.csv").write_text(f"user,item\nnew,unheard\nzoe,m3\n{everything}eve,unheard\n")
    command = ["recommend", "--histories", "new.csv", "--model", SERVED, "--items", "3"]
    assert run.main([*command, "--to", "out.csv"]) == 0
    said = capfd.readouterr()
    assert said.out.splitlines()[-1] == "out.csv: 3 rows, for 1 of 4 users"
    assert said.err.splitlines()[-2:] == [
        "users not known, or without any item that the catalogue has, left out: 2 ('new', 'eve')",
        "users who have every item that could be proposed, left out: 1 ('omni')",
    ]
    alone = Path("out.csv").read_bytes()
    Path("new.csv").write_text("user,item\nzoe,m3\n")
    assert run.main([*command, "--to", "out.csv"]) == 0
    assert Path("out.csv").read_bytes() == alone
    capfd.readouterr()

    Path("new.csv").write_text("user,item\nnew,unheard\nzoe,m3\n")
    assert run.main([*command, "--to", "out.csv", "--unknown", "popular"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "out.csv: 6 rows, for 2 of 2 users"
    found = pd.read_csv("out.csv")
    pairs = pd.read_parquet("artifacts/known/interactions.parquet")
    items = pd.read_parquet("artifacts/identifiers/items.parquet")["id"]
    counts = pairs["item"].map(items).value_counts()
    new = found[found["user"] == "new"]
    assert new["rank"].tolist() == [1, 2, 3]
    assert counts[new["item"]].tolist() == counts.head(3).tolist()
    assert new["mean_log_probability"].isna().all()


def test_nobody_is_known(workshop: Workshop, capfd: Output) -> None:
    workshop.register({"mf": 0.1})
    Path("new.csv").write_text("user,item\nnew,unheard\n")
    command = ["recommend", "--histories", "new.csv", "--model", SERVED]
    for to in ("out.csv", "out.parquet"):
        assert run.main([*command, "--to", to]) == 0
        assert capfd.readouterr().out.splitlines()[-1] == f"{to}: 0 rows, for 0 of 1 users"
    assert Path("out.csv").read_text() == '"user","item","rank","mean_log_probability"\n'
    assert len(pd.read_parquet("out.parquet")) == 0


def test_columns_by_name_in_any_format(workshop: Workshop, capfd: Output) -> None:
    workshop.register({"mf": 0.1})
    frame = pd.DataFrame({"who": ["zoe", "adam", "zoe"], "what": ["m3", "m1", "m8"]})
    frame["when"] = [20, 5, 10]
    frame.to_parquet("new.parquet")
    frame.to_csv("new.tsv.xz", sep="\t", index=False)
    frame.to_json("new.jsonl", orient="records", lines=True)
    named = {"user": "who", "item": "what", "timestamp": "when"}
    options = [word for role, name in named.items() for word in (f"--{role}", name)]
    found = []
    readers: dict[str, Reader] = {
        ".parquet": pd.read_parquet,
        ".tsv": pd.read_table,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".csv.bz2": pd.read_csv,
    }
    given = ("new.parquet", "new.tsv.xz", "new.jsonl", "new.parquet")
    for histories, ending in zip(given, readers, strict=True):
        to = f"out{ending}"
        shown = read(Path(histories), named)
        assert shown["items"].tolist() == [["m8", "m3"], ["m1"]]
        command = ["recommend", "--histories", histories, "--to", to, "--model", SERVED]
        assert run.main([*command, *options]) == 0
        found.append(readers[ending](to))
    assert len({tuple(frame["item"]) for frame in found}) == 1
    assert found[0].dtypes["mean_log_probability"] == "float32"


def test_json_lines_need_no_time(tmp_path: Path) -> None:
    file = tmp_path / "new.NDJSON"
    file.write_text('{"user": "zoe", "item": 3}\n{"user": "zoe", "item": 8}\n')
    found = read(file)
    assert found["items"].tolist() == [["3", "8"]]
    file.write_text('{"user": "zoe", "item": null}\n{"user": "zoe", "item": 8}\n')
    with pytest.raises(InputError) as refused:
        read_histories(file, COLUMNS)
    assert "data." not in str(refused.value)


def test_advice_for_the_parameters_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("user,item\na,m1\nNA,m2\n")
    with pytest.raises(InputError, match="line 3") as refused:
        read_histories(file, COLUMNS)
    assert "data." not in str(refused.value)


TABLE = pa.Table.from_pylist(
    [{"user": "zoe", "item": "m3", "rank": 1, "mean_log_probability": -0.5}], OUT
)
READERS: dict[str, Reader] = {
    "out.PARQUET": pd.read_parquet,
    "out.TSV": pd.read_table,
    "out.json": lambda path: pd.read_json(path, lines=True),
    "out.ndjson.zstd": lambda path: pd.read_json(
        pa.input_stream(path, compression="zstd"), lines=True
    ),
    "out.csv.GZIP": lambda path: pd.read_csv(path, compression="gzip"),
}


@pytest.mark.parametrize("name", READERS)
def test_endings(name: str, tmp_path: Path) -> None:
    write_items([TABLE], to := tmp_path / name)
    assert READERS[name](to).to_dict("records") == TABLE.to_pylist()
    assert read(to)["items"].tolist() == [["m3"]]


@pytest.mark.parametrize(
    ("option", "name", "sentence"),
    [
        ("--histories", "new.xlsx", "is a spreadsheet; expected CSV, TSV, JSON lines or Parquet"),
        ("--to", "out.XLS", "is a spreadsheet; expected CSV, TSV, JSON lines or Parquet"),
        ("--to", "out.parquet.gz", "Parquet is compressed in itself; expected no compression"),
        ("--to", "out.csv.ZIP", "cannot be compressed so"),
        ("--to", "/dev/null", "is a device, a pipe or a circle of links; expected a file to write"),
        ("--to", "pipe", "is a device, a pipe or a circle of links; expected a file to write"),
        ("--to", "circle", "is a device, a pipe or a circle of links; expected a file to write"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_or_written(
    option: str, name: str, sentence: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: Output,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("circle").symlink_to("circle")
    for file in ("new.csv", "new.xlsx"):
        Path(file).write_text("user,item\na,m1\n")
    files = {"--histories": "new.csv", "--to": "out.csv", option: name}
    assert run.main(["recommend", *(word for pair in files.items() for word in pair)]) == 2
    assert capfd.readouterr().err.startswith(f"{name}: {sentence}")


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    link, target = tmp_path / "link.csv", tmp_path / "deep/out"
    link.symlink_to("deep/out")
    for _ in range(2):  # not there yet; there already
        write_items([TABLE], link)
        assert link.is_symlink()
        assert target.read_text().startswith('"user","item"')


@pytest.mark.parametrize(
    "other", ["new.csv", "./new.csv", "link.csv", "hard.csv", "deep/../new.csv"]
)
def test_the_histories_are_not_overwritten(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("user,item\na,m1\n")
    Path("link.csv").symlink_to("new.csv")
    Path("hard.csv").hardlink_to("new.csv")
    Path("deep").mkdir()
    assert run.main(["recommend", "--histories", "new.csv", "--to", other]) == 2
    error = capfd.readouterr().err
    assert error == f"{Path(other)}: --to is the file of --histories; expected another file\n"
    assert Path("new.csv").read_text() == "user,item\na,m1\n"


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("user,article\na,m1\n", [], "of 'user', 'article'; name the column with --item"),
        ("user,item\na,m1\n", ["--user", "who"], "'who'; expected one of 'user', 'item'; name the"),
        ("user,item\na,m1\n", ["--timestamp", "at"], "'at'; expected one of 'user', 'item'; name"),
        ("user,item,timestamp\na,m1,noon\n", [], "name the column with --timestamp"),
    ],
)  # fmt: skip
def test_remedies_are_options_of_the_command(
    text: str, options: list[str], sentence: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: Output,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text(text)
    assert run.main(["recommend", "--histories", "new.csv", "--to", "out.csv", *options]) == 2
    error = capfd.readouterr().err
    assert sentence in error
    assert "data." not in error


def test_what_recommend_cannot_use_is_a_sentence(workshop: Workshop, capfd: Output) -> None:
    workshop.register({"mf": 0.1})
    for text, model, sentence in [
        (None, SERVED, "new.csv: there is no such file; expected a file of histories"),
        ("user,article\na,m1\n", SERVED, "new.csv: there is no column 'item'"),
        ("user,item\na,m1\nb\n", SERVED, "new.csv, line 3: 1 column; expected 2"),
        ("user,item\n", SERVED, "new.csv: there is a header but nothing below it"),
        ("user,item\na,m1\n", f"models:/{MODEL}@{CHAMPION}", "there is no model models:/llm4id"),
        ("user,item\na,m1\n", "models:/nobody/1", "there is no model models:/nobody/1"),
        ("user,item\na,m1\n", "http://127.0.0.1:9/x", "there is no model http://127.0.0.1:9/x"),
        ("user,item\na,m1\n", "s3://nope/x", "there is no model s3://nope/x (No module named"),
        ("user,item\na,m1\n", "ftp://127.0.0.1:9/x", "there is no model ftp://127.0.0.1:9/x"),
    ]:
        if text is not None:
            Path("new.csv").write_text(text)
        command = ["recommend", "--histories", "new.csv", "--to", "out.csv", "--model", model]
        capfd.readouterr()
        assert run.main(command) == 2
        error = capfd.readouterr().err
        assert sentence in error.splitlines()[-1]
        assert not Path("out.csv").exists()
