from __future__ import annotations

import os
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.config import Config
from llm4idrec.config.template import template
from tests.llm4idrec.survey.frames import iso, shoppers, text

ROWS = shoppers(60, by_time=True)
COLUMNS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "customer": itemgetter("user"),
    "article": itemgetter("item"),
    "bought_at": lambda row: iso(row["time"]),
    "stars": itemgetter("stars"),
}
FILE = Path("my ratings.csv")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    FILE.write_text(text(ROWS, COLUMNS, ";"), encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["init", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_a_new_folder_gets_the_template_with_its_own_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = said(capsys, str(FILE))
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if line[:1] not in ("", "-"))
    assert lines["user"] == "customer: 60 users"
    assert lines["item"] == f"article: {len({row['item'] for row in ROWS})} items"
    first, last = (iso(ROWS[place]["time"], "%Y-%m-%d %H:%M") for place in (0, -1))
    assert lines["time"] == f"bought_at: ISO 8601, {first} to {last}"
    assert lines["rows"] == f"{len(ROWS)}; {len(ROWS)} pairs, 0 repeats"
    config = Config.read(Path("params.yaml"))
    assert config.dataset == "my-ratings"
    assert (config.data.path, config.data.separator) == (FILE, ";")
    untouched = yaml.safe_load(template())
    for values in (written := yaml.safe_load(Path("params.yaml").read_text()), untouched):
        del values["data"], values["dataset"]
    assert written == untouched
    assert sorted(os.listdir()) == [str(FILE), "params.yaml"]  # noqa: PTH208


def test_the_next_commands_take_it(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, str(FILE))
    assert main(["prepare"]) == 0
    assert Path("artifacts/train/interactions.parquet").is_file()


def test_of_parameters_that_are_there_only_the_data_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = Path("params.yaml")
    mine = template().replace("seed: 2026 ", "seed: 7    ") + "# my own remark\n"
    params.write_bytes(mine.replace("\n", "\r\n").encode())
    said(capsys, str(FILE))
    changed = params.read_bytes().decode()
    assert changed.count("\r\n") == changed.count("\n") == mine.count("\n")
    before, after = mine.split("\n"), changed.split("\r\n")
    different = {new.split(":")[0].strip() for old, new in zip(before, after, strict=True)
                 if old != new}  # fmt: skip
    assert different == {"dataset", "path", "user", "item", "timestamp", "separator"}


def test_what_somebody_set_by_hand_is_replaced_with_force_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said(capsys, str(FILE))
    said(capsys, str(FILE))  # nothing new
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("where: {}", "where: {stars: ['5']}"))
    kept = params.read_bytes()
    sentence = said(capsys, str(FILE), code=2)
    assert sentence == (
        "params.yaml: is set up for other data already (data.path is 'my ratings.csv'); "
        "say --force to put these in their place\n"
    )
    assert params.read_bytes() == kept
    said(capsys, str(FILE), "--force")
    assert Config.read(params).data.where == {}


def test_keys_that_the_file_does_not_tell_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    params = Path("params.yaml")
    params.write_text(template().replace("k_core: 5", "k_core: 2"))
    said(capsys, str(FILE), "--force")
    assert Config.read(params).data.k_core == 2


def test_below_a_project_the_path_is_from_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("params.yaml").write_text(template())
    Path("deep").mkdir()
    FILE.rename("deep/a.csv")
    monkeypatch.chdir("deep")
    said(capsys, "a.csv")
    assert not Path("deep/params.yaml").exists()
    assert Config.read(Path("params.yaml")).data.path == Path("deep/a.csv")


def test_a_file_elsewhere_is_named_by_its_whole_path(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("new").mkdir()
    monkeypatch.chdir("new")
    said(capsys, str(place / FILE))
    assert Config.read(Path("params.yaml")).data.path == place / FILE


def test_short_histories_are_seen_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*ROWS, {"user": 1, "item": 3, "time": ROWS[0]["time"], "stars": 1}]
    FILE.write_text(text(rows, COLUMNS), encoding="utf-8")
    assert "1 users have fewer than 3 pairs" in said(capsys, str(FILE))
    assert Config.read(Path("params.yaml")).data.drop_short_histories


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"user,item\n", "there is a header but nothing below it"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe", "byte 0x89 is not UTF-8"),
        (b"one\ntwo\nthree\n", "no separator parts the lines into columns"),
        (b"my shop\nuser,item\n" + b"1,2\n1,3\n" * 20, "the first line has 1 columns, the next 2"),
        (b'[{"user": 1, "item": 2}]', "the file is one JSON list"),
        (b"seed: 1\nthreads: 2\n", "no user has two items"),
        ("".join(f"Иванов{n % 9};книга{n % 7}\n" for n in range(99)).encode("cp1251"),
         "neither UTF-8 nor of a Western encoding"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_one_sentence_and_leaves_nothing(
    content: bytes, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FILE.write_bytes(content)
    told = said(capsys, str(FILE), code=2)
    assert told.startswith(f"{FILE}")
    assert sentence in told
    assert told.count("\n") == 1
    assert os.listdir() == [str(FILE)]  # noqa: PTH208


def test_a_missing_user_is_a_line_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"user": "NULL"} if row is ROWS[5] else row for row in ROWS]
    FILE.write_text(text(rows, COLUMNS), encoding="utf-8")
    told = said(capsys, str(FILE), code=2)
    assert told.startswith(f"{FILE}, line 7: the user is 'NULL'")
    assert not Path("params.yaml").exists()


def test_parameters_that_cannot_be_read_stay_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("params.yaml").write_text("data: [")
    assert "cannot be read as YAML" in said(capsys, str(FILE), code=2)
    assert Path("params.yaml").read_text() == "data: ["
