"""Rule 4: IDs are shuffled before prompting; the probe "next integers after the last item" is
reported.

The worst case: every user takes consecutive numbers, so that IDs as given say what comes next.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from llm4idrec.data.interactions import Interactions
from llm4idrec.flow import run_stage
from llm4idrec.language_model.prompt_files import read_prompts
from llm4idrec.runtime.files import read_json, write_json
from llm4idrec.stages import STAGES
from tests.evidence.augmenting import Flow, prepare
from tests.llm4idrec.small_run import make, small_run

USERS, ITEMS, LENGTH = 150, 400, 8


@pytest.fixture(scope="module")
def consecutive(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """User u takes items 7 u, 7 u + 1, 7 u + 2..., of a circle of 400, in this order."""
    lines = [f"{u},{(7 * u + n) % ITEMS},{n}" for u in range(USERS) for n in range(LENGTH)]
    text = "\n".join(["user,item,time", *lines]) + "\n"
    flow = prepare(tmp_path_factory.mktemp("circle"), text, split={"protocol": "leave_last_out"})
    run_stage(STAGES["prompts"], flow.config, flow.at)
    return flow


def given(flow: Flow, name: str) -> list[int]:
    """The IDs as they were given, by their number."""
    ids = pq.read_table(flow.at / "identifiers" / f"{name}.parquet")["id"].to_pylist()
    return [int(identifier) for identifier in ids]


@pytest.mark.parametrize("name", ["users", "items"])
def test_numbers_say_nothing_about_the_ids_as_given(consecutive: Flow, name: str) -> None:
    ids = given(consecutive, name)
    assert len(set(ids)) == len(ids) >= USERS
    assert abs(np.corrcoef(ids, range(len(ids)))[0, 1]) < 0.2
    steps = np.diff(ids)
    assert (steps == 1).mean() < 0.03


def test_items_of_one_moment_do_not_stand_by_number(tmp_path: Path) -> None:
    """As in baskets: two moments of ten items for each user."""
    random = np.random.default_rng(0)
    lines = [
        f"{user},{item},{n // 10}"
        for user in range(200)
        for n, item in enumerate(random.permutation(60)[:20].tolist())
    ]
    flow = prepare(tmp_path, "\n".join(["user,item,time", *lines]) + "\n")
    train = Interactions.read(flow.at / "train" / "interactions.parquet")
    assert train.timestamp is not None
    tied = (np.diff(train.user) == 0) & (np.diff(train.timestamp) == 0)
    assert 0.45 < (np.diff(train.item)[tied] > 0).mean() < 0.55
    pairs = {(a, b) for a, b in zip(train.item[:-1][tied], train.item[1:][tied], strict=True)}
    turned = sum((b, a) in pairs for a, b in pairs) / len(pairs)
    assert turned > 0.5, "an order of the items that all users share"


def test_prompts_hold_the_numbers(consecutive: Flow) -> None:
    """Each is a part of some user's known history in numbers, and next to none follows its
    neighbour."""
    known = Interactions.read(consecutive.at / "known" / "interactions.parquet")
    histories = {frozenset(known.items_of(user).tolist()) for user in range(known.n_users)}
    built = read_prompts(consecutive.at / "prompts" / "prompts.jsonl")
    lists = [prompt.history + prompt.answer for prompt in built]
    assert len(lists) == 2 * USERS
    assert all(any(set(numbers) <= history for history in histories) for numbers in lists)
    follows = np.concatenate([np.diff(numbers) == 1 for numbers in lists])
    assert follows.mean() < 0.03
    ids = np.array(given(consecutive, "items"))
    # As given, the same list would have been a stretch of numbers.
    assert np.median([np.ptp(ids[list(numbers)]) for numbers in lists]) < LENGTH


def test_the_probe_finds_what_ids_as_given_give_away_and_the_numbers_do_not(
    consecutive: Flow,
) -> None:
    summary = read_json(consecutive.at / "train" / "summary.json")
    assert summary.get("successor_hr_at_10_as_given", 0) > 0.95
    assert summary.get("successor_hr_at_10_shuffled", 1) < 0.1


def test_the_probe_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = small_run(tmp_path)
    file = folders["train"] / "summary.json"
    probe = {"successor_hr_at_10_as_given": 0.961, "successor_hr_at_10_shuffled": 0.027}
    write_json(file, read_json(file) | probe)
    leakage = make(folders).section("leakage")
    assert "IDs as given 0.961" in leakage
    assert "as the model sees them 0.027" in leakage
