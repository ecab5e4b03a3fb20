"""A year in small: nights in their order, resumable, and nothing of a later window is ever read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.replay.generators import Generators
from llm4idrec.replay.lines import LINES
from llm4idrec.replay.night import PER_USER, REPORT, Night
from llm4idrec.replay.replay import TONIGHT, read_reports, replay
from llm4idrec.replay.totals import Totals
from llm4idrec.runtime.files import content_hash, read_json, write_json
from tests.conftest import tiny_values
from tests.llm4idrec.replay.year import REPLAY, USERS, config, lived, year


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(tmp_path_factory.mktemp("year"), year())


def test_every_night_is_told_of(out: Path) -> None:
    reports = read_reports(out)
    assert [report["window"] for report in reports] == [f"2016-07-{day}" for day in range(23, 28)]
    assert [report["rows"] for report in reports] == [100] * 4 + [0]
    assert reports[0]["decisions"] == [{"kind": "first", "night": 0, "reason": "there is no other"}]
    for number, report in enumerate(reports):
        assert report["refused"] is None
        assert report["champion"] <= number
        known = np.array(year()["item"][: 500 + 100 * number])
        assert report["known_items"] == len(np.unique(known))
    for report in reports[:-1]:
        assert set(LINES) < set(report["lines"])
        assert report["items_came"] >= 0


def test_nobody_is_judged_by_a_window_that_goes_on(out: Path) -> None:
    """But there is an adapter for it, and what the champion serves."""
    last = read_reports(out)[-1]
    assert (last["is_over"], last["lines"], last["decisions"]) == (False, {}, [])
    assert (out / "night-005" / "adapter" / "adapter" / "adapter_model.safetensors").is_file()
    tonight = pd.read_parquet(out / TONIGHT)
    assert set(tonight["user"]) <= set(year()["user"].to_pylist())
    assert (tonight.groupby("user")["rank"].max() <= 5).all()
    known = set(zip(*(year()[name].to_pylist()[:900] for name in ("user", "item")), strict=True))
    assert not known & set(zip(tonight["user"], tonight["item"], strict=True))


def test_what_a_night_leaves(out: Path) -> None:
    """An adapter that PEFT loads, the model that it makes, the own IDs, figures, in the first the
    base; no more."""
    for number in range(4):
        night = out / f"night-{number + 1:03d}"
        assert {path.name for path in night.iterdir()} == {
            "adapter", "costs", "identifiers", "mark.json", PER_USER, REPORT,
            *(["base"] if number == 0 else []),
        }  # fmt: skip
        assert (night / "adapter" / "adapter" / "adapter_model.safetensors").is_file()
    assert set(read_json(out / "night-004" / "costs" / "cost.json")) >= {"retrained", "adapter"}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The nights whose models are trained, in turn."""
    nights: list[str] = []
    retrain = Generators.retrain

    def noted(generators: Generators) -> Path:
        nights.append(generators.folder.name)
        return retrain(generators)

    monkeypatch.setattr(Generators, "retrain", noted)
    return nights


@pytest.mark.slow
def test_what_is_lived_is_not_lived_again(out: Path, tmp_path: Path, trained: list[str]) -> None:
    """A night after the other, as a schedule has it: one that was missed is caught up, a second run
    does nothing, and the end is that of one run, to the byte."""
    lived(tmp_path, year().slice(0, 650))
    assert trained == ["night-001", "night-002"]
    lived(tmp_path, year().slice(0, 650))
    assert len(trained) == 2
    lived(tmp_path, year().slice(0, 690))  # the window still goes on
    assert len(trained) == 2
    assert content_hash(lived(tmp_path, year())) == content_hash(out)
    assert trained == [f"night-00{number}" for number in range(1, 6)]


@pytest.mark.slow
def test_other_parameters_or_an_older_row_make_nights_anew(
    tmp_path: Path, trained: list[str]
) -> None:
    lived(tmp_path, year().slice(0, 750))
    trained.clear()
    late = year().slice(0, 750).to_pandas()
    late.loc[650, "item"] = "i3"  # of the second window
    lived(tmp_path, pa.Table.from_pandas(late, year().schema, preserve_index=False))
    assert trained == ["night-002", "night-003"]
    trained.clear()
    lived(tmp_path, year().slice(0, 750), amount=0.5)
    assert trained == ["night-001", "night-002", "night-003"]
    trained.clear()
    other = tiny_values(replay=REPLAY | {"amount": 0.5}, evaluation={"seeds": 7})
    renamed = Config.parse(other | {"dataset": "renamed"}).only("itemknn")
    replay(tmp_path / "train.parquet", tmp_path / "out", renamed)
    assert trained == []


def test_nothing_of_a_later_window_is_read(out: Path, tmp_path: Path) -> None:
    """The last two windows are of other people and items: the nights before are the same, to the
    byte, and of the fourth all that is made before its window comes."""
    changed = lived(tmp_path, year(changed_from=800))
    for number in range(3):
        night = f"night-{number + 1:03d}"
        assert content_hash(out / night) == content_hash(changed / night)
    for name in ("adapter", "identifiers"):
        assert content_hash(out / "night-004" / name) == content_hash(changed / "night-004" / name)
    assert content_hash(out / "night-004") != content_hash(changed / "night-004")


@pytest.mark.slow
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
    *reports, _ = reports
    champion = reports[-1]["served_by"]
    numbers = [n for n, r in enumerate(reports) if n > champion and r["served_by"] == champion]
    files = [out / f"night-{number + 1:03d}" / PER_USER for number in numbers]
    means = pd.concat([pd.read_parquet(file) for file in files]).groupby("user").mean()
    since = Night(out, len(reports) - 1).since_champion(champion)
    assert since.windows == len(numbers)
    for line, values in since.lines.items():
        assert values == pytest.approx(means[line].to_numpy())


def test_what_counted_for_a_promotion_does_not_count_again(tmp_path: Path) -> None:
    """The adapter of night 0 served before one that was rolled back, and serves again."""
    for number, served_by in enumerate((0, 0, 0, 2, 0)):
        night = Night(tmp_path, number)
        night.folder.mkdir()
        pd.DataFrame({"user": ["a"], "adapter": [1.0 * number], "champion": [0.0]}).to_parquet(
            night.folder / PER_USER
        )
        write_json(night.folder / REPORT, {"served_by": served_by, "lines": {"adapter": 1.0}})
    since = Night(tmp_path, 4).since_champion(0)
    assert since.windows == 1
    assert since.lines["adapter"].tolist() == [4.0]
    assert Night(tmp_path, 2).since_champion(0).windows == 2


@pytest.mark.slow
def test_the_base_of_other_data_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known before the first night has changed, and the first run with it was stopped
    while a new base was made."""
    table = year().slice(0, 650).to_pandas()
    table.loc[10, "item"] = "i9"
    changed = pa.Table.from_pandas(table, year().schema, preserve_index=False)
    lived(tmp_path / "again", year().slice(0, 650))
    with monkeypatch.context() as stopped:
        stopped.setattr(Generators, "retrain", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            lived(tmp_path / "again", changed)
    again, fresh = (lived(tmp_path / name, changed) for name in ("again", "fresh"))
    assert content_hash(again) == content_hash(fresh)


def test_totals(out: Path) -> None:
    reports = read_reports(out)
    totals = Totals.of(out, reports)
    assert 0 < len(totals.users) <= USERS
    summary = read_json(out / "summary.json")
    assert summary["nights"] == 5
    assert summary["original_ndcg_at_5"] == pytest.approx(totals.mean("original"))
    history = pq.read_table(out / "history.parquet").to_pandas()
    assert set(history["series"]) > set(LINES)
    assert (history.groupby("series")["step"].count() == 4).all()
    beside = totals.beside("champion", "original")
    assert beside is not None
    assert beside.original == pytest.approx(totals.mean("original"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recommenders": ["mf"]}, "`replay.recommenders` has mf, which learns by epochs"),
        ({"base_model": {"kind": "pretrained", "name": "smollm2"}}, "keeps the base"),
        ({"lists": {"users": True}}, "keeps the base"),
    ],
)
def test_parameters_that_no_replay_has(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    pq.write_table(year(), tmp_path / "train.parquet")
    served = changes.pop("recommenders", ["itemknn"])
    asked = Config.parse(tiny_values(**{"replay": REPLAY} | changes)).only(*served)
    with pytest.raises(InputError, match=said):
        replay(tmp_path / "train.parquet", tmp_path / "out", asked)
    assert not (tmp_path / "out").exists()


def test_data_without_a_time(tmp_path: Path) -> None:
    pq.write_table(year().drop_columns("timestamp"), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="the interactions have no time"):
        replay(tmp_path / "train.parquet", tmp_path / "out", config())
    assert not (tmp_path / "out").exists()
