from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.config import Config
from llm4idrec.config.template import template
from llm4idrec.runtime.files import read_json
from llm4idrec.survey.cost import Part, parts
from llm4idrec.survey.room import disk, memory
from llm4idrec.survey.sizes import Sizes
from tests.llm4idrec.survey.frames import Rows, iso, shoppers, text

FILE, PARAMS = Path("shop.csv"), Path("params.yaml")
ROWS = shoppers(60, by_time=True)
COLUMNS = {key: itemgetter(key) for key in ("user", "item", "time")}
BUNDLED = Sizes(
    rows=100_004,
    users=671,
    items=2_646,
    train=62_024,
    known=69_889,
    views=1,
    has_time=True,
    left_out=frozenset(),
    summary={},
)
"""Of ml-latest-small by `user_time`."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shop(rows: Rows = ROWS, **changes: Any) -> None:
    """A file and its parameters; `changes` are laid over the sections of the template."""
    columns = COLUMNS | ({"rating": itemgetter("rating")} if "rating" in rows[0] else {})
    FILE.write_text(text(rows, columns), encoding="utf-8")
    values = yaml.safe_load(template())
    values["data"] |= {"path": str(FILE), "user": "user", "item": "item", "timestamp": "time"}
    for key, value in changes.items():
        values[key] = values.get(key, {}) | value if isinstance(value, dict) else value
    PARAMS.write_text(yaml.safe_dump(values))


def checked(capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(["check"]) == code
    captured = capsys.readouterr()
    return " ".join((captured.out if code == 0 else captured.err).split())


def test_the_counts_are_those_of_the_stage_prepare(capsys: pytest.CaptureFixture[str]) -> None:
    shop()
    told = checked(capsys)
    assert sorted(os.listdir()) == [str(PARAMS), str(FILE)]  # noqa: PTH208
    assert main(["prepare"]) == 0
    summary = read_json(Path("artifacts/train/summary.json"))
    protocol = read_json(Path("artifacts/train/protocol.json"))["protocol"]
    assert f"read {len(ROWS)} rows, 0 repeats, 60 users" in told
    assert f"split {protocol} (" in told
    train = f"{summary['users']} users, {summary['catalogue_items']} items"
    assert f"train {train}, {summary['train_pairs']} pairs, the 5-core" in told
    for part in ("valid", "test"):
        assert f"{part} {summary[f'{part}_users']} users, {summary[f'{part}_pairs']} pairs" in told


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"k_core": 40}},
        {"data": {"min_history": 12}},
        {"split": {"protocol": "global_time", "min_test_users": 1000}},
        {"data": {"timestamp": None}, "recommenders": ["sasrec"]},
        {"filter": {"min_votes": 9}},
        {"data": {"item": "product"}},
        {"seed": "no"},
    ],
)
def test_a_run_that_would_be_refused_is_refused_with_its_sentence(
    changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shop(**changes)
    told = checked(capsys, code=2)
    assert main(["prepare"]) == 2
    ran = " ".join(capsys.readouterr().err.split())
    assert ran.endswith(told)
    assert told
    assert "/tmp" not in told


def test_of_a_recommender_of_ones_own_the_trainings_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine.py").write_text("def recommend(*_):\n    raise NotImplementedError\n")
    shop(recommenders=["ease", "mine"], mine={"command": "python mine.py {data} {out} {seed}"})
    told = checked(capsys)
    found = re.search(r"evaluate mine \? about (\d+) trainings; how long one takes is not", told)
    assert found is not None
    assert 20 < int(found[1]) < 300
    assert re.search(r"all [0-9.]+ (s|min), and evaluate mine", told)


def later(rows: Rows) -> Rows:
    return [row | {"time": row["time"] + (2**32 if place == 3 else 0)} for place, row in
            enumerate(rows)]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: [row | {"time": 7} for row in rows], "all times are the same"),
        (later, "1 times are in the future"),
        (lambda rows: [*rows, *rows], "50 % of the rows repeat a pair"),
        (
            lambda rows: [
                row | {"item": f"{'aA'[row['user'] < 1002]}{row['item']}"} for row in rows
            ],
            "differ in small and capital letters only, as do",
        ),
        (
            lambda rows: [*rows, *(row | {"item": "bag"} for row in rows)],
            "one item is in 100 % of the histories",
        ),
        (lambda rows: [row | {"rating": 5} for row in rows], "ratings that were looked at are 5"),
        (
            lambda rows: [row | {"time": row["user"]} for row in rows],
            "100 % of the rows have the time of their user's row before",
        ),
        (lambda rows: rows, "the test has"),
    ],
)
def test_what_is_odd_is_said(
    change: Callable[[Rows], Rows], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop(change(ROWS))
    assert sentence in checked(capsys)


def test_sound_data_have_nothing_odd(capsys: pytest.CaptureFixture[str]) -> None:
    shop(shoppers(260, 20), split={"protocol": "user_time"})
    assert checked(capsys).endswith("nothing odd")


def cost(sizes: Sizes = BUNDLED, *, cores: int = 2, **changes: Any) -> dict[str, Part]:
    values = yaml.safe_load(template())
    for key, value in changes.items():
        values[key] = values[key] | value if isinstance(value, dict) else value
    config = Config.parse(values)
    return {part.name: part for part in parts(config, sizes, cores=cores, prepared=1)}


def total(steps: dict[str, Part]) -> float:
    return sum(part.seconds or math.nan for part in steps.values())


def test_the_default_run_takes_about_ten_minutes_on_two_cores() -> None:
    measured = {
        "base_model": 51.5, "adapter": 17.1, "generate": 7.2, "controls": 68.3, "replicate": 278.7,
        "evaluate ials": 42.3, "evaluate ease": 31.3, "evaluate itemknn": 40.2,
        "tune_recommenders": 21.0,
    }  # fmt: skip
    steps = cost()
    for name, seconds in measured.items():
        assert seconds / 2 < (steps[name].seconds or 0) < 2 * seconds, name
    assert 450 < total(steps) < 800


def test_what_there_is_more_of_costs_more() -> None:
    items = replace(BUNDLED, items=4 * BUNDLED.items)
    assert (cost(items)["evaluate ease"].seconds or 0) > 10 * (
        cost()["evaluate ease"].seconds or math.inf
    )
    assert total(cost(cores=1)) > 1.3 * total(cost())
    assert total(cost(controls=["svd"])) < 0.7 * total(cost())
    assert total(cost(replicates={"runs": 1})) < total(cost())


def test_of_a_pretrained_model_nobody_knows_the_time() -> None:
    steps = cost(base_model={"kind": "pretrained", "name": "some"})
    assert steps["base_model"].seconds is None
    assert steps["replicate"].seconds is None
    assert steps["evaluate ease"].seconds is not None


def test_a_large_catalogue_needs_the_memory_of_its_matrix_for_each_worker() -> None:
    config = Config.parse(yaml.safe_load(template()))
    large = replace(BUNDLED, items=30_000)
    matrix = 8 * 30_000**2
    assert 2 * matrix < memory(config, large)["evaluate, tune"] < 3 * matrix
    without = config.model_copy(update={"recommenders": ("ials",)})
    left_out = replace(large, left_out=frozenset({"ease"}))
    assert memory(without, left_out)["evaluate, tune"] < matrix
    assert disk(config, large) - disk(config, BUNDLED) > 0.9 * matrix


def test_a_time_in_text_is_in_the_future_too(capsys: pytest.CaptureFixture[str]) -> None:
    shop([row | {"time": iso(row["time"] + (2**31 if place == 3 else 0))}
          for place, row in enumerate(ROWS)])  # fmt: skip
    assert "1 times are in the future, up to 2" in checked(capsys)
