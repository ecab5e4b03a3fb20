"""From a file of histories to a file of items, on the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipelines import run
from pipelines.recommendations import read_histories
from pipelines.registry import CHAMPION, MODEL
from tests.pipelines.conftest import SERVED, Workshop

Output = pytest.CaptureFixture[str]


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
    assert capsys.readouterr().out == "deep/out.csv: 6 rows\n"
    assert [path.name for path in Path("deep").iterdir()] == ["out.csv"]


def test_histories_stand_in_time_order_and_users_as_they_come(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("item,timestamp,user\nm3,20,zoe\nm1,5,adam\nm8,10,zoe\n")
    frame = read_histories(file)
    assert frame.to_dict("list") == {"user": ["zoe", "adam"], "items": [["m8", "m3"], ["m1"]]}
    file.write_text("user,item\n007,m3\nadam,m1\n007,m8\n")
    frame = read_histories(file)
    assert frame.to_dict("list") == {"user": ["007", "adam"], "items": [["m3", "m8"], ["m1"]]}


def test_what_recommend_cannot_use_is_a_sentence(workshop: Workshop, capfd: Output) -> None:
    workshop.register({"mf": 0.1})
    for text, model, sentence in [
        (None, SERVED, "new.csv: there is no such file; expected a CSV of histories"),
        ("user,article\na,m1\n", SERVED, "new.csv: there is no column 'item'"),
        ("user,item\na,m1\nb\n", SERVED, "new.csv, line 3: 1 column; expected 2"),
        ("user,item\na,unheard\n", SERVED, "new.csv: user 'a' has no item that the catalogue"),
        ("user,item\na,m1\n", f"models:/{MODEL}@{CHAMPION}", "there is no model models:/llm4id"),
        ("user,item\na,m1\n", "models:/nobody/1", "there is no model models:/nobody/1"),
    ]:
        if text is not None:
            Path("new.csv").write_text(text)
        command = ["recommend", "--histories", "new.csv", "--to", "out.csv", "--model", model]
        capfd.readouterr()
        assert run.main(command) == 2
        error = capfd.readouterr().err
        assert sentence in error.splitlines()[-1]
        assert not Path("out.csv").exists()
