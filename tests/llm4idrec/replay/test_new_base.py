"""A base stays as long as adapters on it keep up with models that are trained anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import Config
from llm4idrec.language_model.frozen_base import ITEMS
from llm4idrec.replay.generators import SERVED
from llm4idrec.replay.night import Night
from llm4idrec.replay.replay import read_reports, replay
from llm4idrec.runtime.files import content_hash
from tests.conftest import tiny_values
from tests.llm4idrec.replay.year import ITEMS as N_ITEMS
from tests.llm4idrec.replay.year import REPLAY, USERS, year

BASE = tiny_values()["base_model"] | {"max_epochs": 30, "hidden_size": 16}


def turned(rows: int = 1000) -> pa.Table:
    """Everyone goes round the circle, and from the middle of the sixth day on in larger steps."""
    draw = np.random.default_rng(0)
    user = draw.integers(0, USERS, 1000)[:rows]
    place = np.array([np.sum(user[:n] == user[n]) for n in range(rows)])
    item = (user + place * np.where(np.arange(rows) < 550, 1, 5)) % N_ITEMS
    columns = {"user": [f"u{n}" for n in user], "item": [f"i{n}" for n in item]}
    table = year().slice(0, rows)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


def lived(folder: Path, table: pa.Table) -> Path:
    """With adapters that hardly learn."""
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "train.parquet")
    slow = REPLAY | {"learning_rate": 1e-6, "steps": 1}
    asked = Config.parse(tiny_values(replay=slow, base_model=BASE)).only("itemknn")
    replay(folder / "train.parquet", folder / "out", asked)
    return folder / "out"


@pytest.mark.slow
def test_where_adapters_fall_behind_the_next_night_has_a_new_base(tmp_path: Path) -> None:
    out = lived(tmp_path / "whole", turned())
    reports = read_reports(out)
    assert [report["base"] for report in reports] == [0, 0, 0, 4, 4]
    kinds = [(d["kind"], d["night"]) for report in reports for d in report["decisions"]]
    assert kinds.count(("new base", 4)) == 1
    bases = [number for number in range(5) if Night(out, number).base.is_dir()]
    assert bases == [0, 4]
    assert content_hash(Night(out, 0).base) != content_hash(Night(out, 4).base)
    for number in range(5):
        assert (Night(out, number).adapted / SERVED / ITEMS).is_file()
    lived(tmp_path / "by night", turned(650))
    lived(tmp_path / "by night", turned(850))
    assert content_hash(lived(tmp_path / "by night", turned())) == content_hash(out)
