"""A year in small: nights in their order, resumable, and nothing of a later window is ever read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from llm4idrec.errors import InputError
from llm4idrec.replay.night import PER_USER, REPORT, Night
from llm4idrec.replay.replay import read_reports, replay
from llm4idrec.replay.totals import LINES, Totals
from llm4idrec.runtime.files import content_hash, read_json
from tests.llm4idrec.replay.year import USERS, config, lived, year


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(tmp_path_factory.mktemp("year"), year())


def test_every_night_is_told_of(out: Path) -> None:
    reports = read_reports(out)
    assert [report["window"] for report in reports] == [f"window {n}" for n in range(1, 6)]
    assert [report["rows"] for report in reports] == [100] * 5
    assert reports[0]["decisions"] == [{"kind": "first", "night": 0, "reason": "there is no other"}]
    for number, report in enumerate(reports):
        assert report["refused"] is None
        assert set(LINES) < set(report["lines"])
        assert report["champion"] <= number
        known = np.array(year()["item"][: 500 + 100 * number])
        assert report["known_items"] == len(np.unique(known))
    assert reports[-1]["items_came"] > 0


def test_what_a_night_leaves(out: Path) -> None:
    """An adapter that PEFT loads, the model that it makes, the own IDs, figures; no more."""
    for night in sorted(out.glob("night-*")):
        assert {path.name for path in night.iterdir()} == {
            "adapter", "costs", "identifiers", PER_USER, REPORT
        }  # fmt: skip
        assert (night / "adapter" / "adapter" / "adapter_model.safetensors").is_file()
    assert set(read_json(out / "night-004" / "costs" / "cost.json")) >= {"retrained", "adapter"}


def test_nothing_of_a_later_window_is_read(out: Path, tmp_path: Path) -> None:
    """The last two windows are of other people and items: the nights before are the same, to the
    byte, and of the fourth all that is made before its window comes."""
    changed = lived(tmp_path, year(changed_from=800))
    for number in range(3):
        night = f"night-{number:03d}"
        assert content_hash(out / night) == content_hash(changed / night)
    for name in ("adapter", "identifiers"):
        assert content_hash(out / "night-003" / name) == content_hash(changed / "night-003" / name)
    assert content_hash(out / "night-003") != content_hash(changed / "night-003")


def test_a_replay_that_was_stopped_goes_on(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is the same to the byte, and what is done is not done again."""
    made, stops = Night.make, iter([False, True, False, False, True, False, False, False])

    def stopping(night: Night, *given: object) -> None:
        made(night, *given)  # type: ignore[arg-type]
        if next(stops, False):
            raise KeyboardInterrupt

    monkeypatch.setattr(Night, "make", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            lived(tmp_path, year())
        assert not (tmp_path / "out").exists()
    assert content_hash(lived(tmp_path, year())) == content_hash(out)


def test_the_windows_of_a_champion_are_pooled_by_user(out: Path) -> None:
    reports = read_reports(out)
    champion = reports[-1]["served_by"]
    numbers = [n for n, r in enumerate(reports) if n > champion and r["served_by"] == champion]
    files = [out / f"night-{number:03d}" / PER_USER for number in numbers]
    means = pd.concat([pd.read_parquet(file) for file in files]).groupby("user").mean()
    since = Night(out, len(reports) - 1).since(champion)
    assert since.windows == len(numbers)
    for line, values in since.lines.items():
        assert values == pytest.approx(means[line].to_numpy())


def test_totals(out: Path) -> None:
    reports = read_reports(out)
    totals = Totals.of(out, reports)
    assert 0 < len(totals.users) <= USERS
    summary = read_json(out / "summary.json")
    assert summary["nights"] == 5
    assert summary["original_ndcg_at_5"] == pytest.approx(totals.mean("original"))
    history = pq.read_table(out / "history.parquet").to_pandas()
    assert set(history["series"]) > set(LINES)
    assert (history.groupby("series")["step"].count() == 5).all()
    beside = totals.beside("champion", "original")
    assert beside is not None
    assert beside.original == pytest.approx(totals.mean("original"))


def test_data_without_a_time(tmp_path: Path) -> None:
    pq.write_table(year().drop_columns("timestamp"), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="the interactions have no time"):
        replay(tmp_path / "train.parquet", tmp_path / "out", config())
    assert not (tmp_path / "out").exists()
