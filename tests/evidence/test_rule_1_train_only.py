"""Rule 1: the generator and every filter see train only.

What each stage reads is altered, and what it writes is hashed. That the steps are wired to no
other file is in tests/steps/test_flow.py and tests/pipelines/test_dvc_yaml.py.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import content_hash
from llm4idrec.verdict.leakage import Inputs
from tests.evidence.augmenting import Flow, augment, hashes, prepare


def beside(flow: Flow, root: Path) -> Path:
    """A folder of artifacts that holds the train set and the identifiers only."""
    for name in ("train", "identifiers"):
        shutil.copytree(flow.at / name, root / "artifacts" / name)
    return root / "artifacts"


def other_items(file: Path, to: Path) -> None:
    """The same users and times; every item is another."""
    given = Interactions.read(file)
    to.parent.mkdir(parents=True, exist_ok=True)
    other = (given.item + 1) % given.n_items
    Interactions(given.user, other, given.n_users, given.n_items, given.timestamp).write(to)


def test_what_is_held_out_shapes_no_byte_of_what_is_added(flow: Flow, tmp_path: Path) -> None:
    """Other validation and test sets, and other raw data, beside the same train set."""
    at = beside(flow, tmp_path)
    for name in ("valid.parquet", "test.parquet"):
        other_items(flow.at / "heldout" / name, at / "heldout" / name)
    (at / "raw").mkdir()
    raw = pq.read_table(flow.at / "raw" / "train.parquet")
    pq.write_table(raw.slice(len(raw) // 2), at / "raw" / "train.parquet")
    augment(flow.config, at)
    assert hashes(at) == hashes(flow.at)


def test_every_stage_follows_the_train_set(flow: Flow, tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    at = beside(flow, tmp_path)
    other_items(flow.at / "train" / "interactions.parquet", at / "train" / "interactions.parquet")
    augment(flow.config, at)
    before, after = hashes(flow.at), hashes(at)
    assert [name for name in before if before[name] == after[name]] == []


BY_TIME = ["user_time", "leave_last_out", "global_time"]


@pytest.mark.parametrize("protocol", ["random", *BY_TIME])
def test_train_and_held_out_pairs_are_disjoint(protocol: str, tmp_path: Path) -> None:
    """As the report says, with the hash of the folder that the stages read."""
    at = prepare(tmp_path, split={"protocol": protocol}).at
    inputs = Inputs.read(at / "train", at / "heldout")
    assert inputs == Inputs(content_hash(at / "train"), content_hash(at / "heldout"), 0)
    parts = [Interactions.read(at / "heldout" / f"{name}.parquet") for name in ("valid", "test")]
    assert all(len(part) for part in parts)
    keys = [np.stack([part.user, part.item], 1).tolist() for part in parts]
    assert not [pair for pair in keys[0] if pair in keys[1]]


@pytest.mark.parametrize("protocol", BY_TIME)
def test_what_is_held_out_by_time_is_later(protocol: str, tmp_path: Path) -> None:
    """Than what the same user is trained on; behind a global cut, than what anybody is."""
    at = prepare(tmp_path, split={"protocol": protocol}).at
    files = ("train/interactions", "heldout/valid", "heldout/test")
    parts = [Interactions.read(at / f"{name}.parquet") for name in files]
    for earlier, later in pairwise(parts):
        assert earlier.timestamp is not None
        assert later.timestamp is not None
        last = np.full(earlier.n_users, -1)
        np.maximum.at(last, earlier.user, earlier.timestamp)
        if protocol == "global_time":
            last[:] = last.max()
        assert (last[later.user] < later.timestamp).all()


@pytest.mark.parametrize("protocol", BY_TIME)
def test_the_future_shapes_no_train_pair(protocol: str, tmp_path: Path) -> None:
    """Other items, each taken once, in place of most that are held out; the k-core is of train."""
    split, data = {"protocol": protocol}, {"k_core": 6}
    before = prepare(tmp_path / "before", split=split, data=data)
    future = own_pairs(before, "heldout/valid") | own_pairs(before, "heldout/test")
    lines = (tmp_path / "before" / "ratings.csv").read_text().splitlines()
    for n, line in enumerate(lines):
        user, item, time = line.split(",")
        if (user, item) in future and n % 5:
            lines[n] = f"{user},other{n},{time}"
    after = prepare(tmp_path / "after", "\n".join(lines) + "\n", split=split, data=data)
    kept = own_pairs(before, "train/interactions")
    assert own_pairs(after, "train/interactions") == kept
    assert len({item for _, item in kept}) < 30  # some were too rare


def own_pairs(flow: Flow, name: str) -> set[tuple[str, str]]:
    """The pairs of a table in the IDs as they were given."""
    users, items = (
        pq.read_table(flow.at / "identifiers" / f"{ids}.parquet")["id"].to_pylist()
        for ids in ("users", "items")
    )
    table = Interactions.read(flow.at / f"{name}.parquet")
    return {(users[user], items[item]) for user, item in zip(table.user, table.item, strict=True)}
