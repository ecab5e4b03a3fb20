"""Rule 1: the generator and every filter see nothing of the test; and what is chosen on validation
is chosen among what saw train only.

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
from llm4idrec.stages import prepare as stage
from llm4idrec.verdict.leakage import Inputs
from tests.evidence.augmenting import Flow, augment, hashes, prepare

CHOOSES = ("replicates/selection", "augmented/arms/selection.parquet")
"""What validation chooses by: what the replicate that knows train only proposes and may add."""


def beside(flow: Flow, root: Path) -> Path:
    """A folder of artifacts that holds what is known, identifiers and settings only."""
    for name in ("train", "known", "identifiers", "settings"):
        shutil.copytree(flow.at / name, root / "artifacts" / name)
    return root / "artifacts"


def other_items(file: Path, to: Path) -> None:
    """The same users and times; every item is another."""
    given = Interactions.read(file)
    to.parent.mkdir(parents=True, exist_ok=True)
    other = (given.item + 1) % given.n_items
    Interactions(given.user, other, given.n_users, given.n_items, given.timestamp).write(to)


def with_other_validation(flow: Flow, root: Path) -> Path:
    """The same train and test, and another validation set; known is what that makes it."""
    at = beside(flow, root)
    other_items(flow.at / "heldout" / "valid.parquet", at / "heldout" / "valid.parquet")
    shutil.copy(flow.at / "heldout" / "test.parquet", at / "heldout" / "test.parquet")
    stage.know(stage.STAGE.files(flow.config, at), flow.config)
    return at


@pytest.mark.slow
def test_what_is_held_out_shapes_no_byte_of_what_is_added(flow: Flow, tmp_path: Path) -> None:
    """Another test set, and other raw data, beside the same train and validation sets; and another
    table of validation pairs, which only `prepare` reads."""
    at = beside(flow, tmp_path)
    for name in ("valid.parquet", "test.parquet"):
        other_items(flow.at / "heldout" / name, at / "heldout" / name)
    (at / "raw").mkdir()
    raw = pq.read_table(flow.at / "raw" / "train.parquet")
    pq.write_table(raw.slice(len(raw) // 2), at / "raw" / "train.parquet")
    augment(flow.config, at)
    assert hashes(at) == hashes(flow.at)


def test_validation_shapes_no_byte_of_what_it_chooses_by(flow: Flow, tmp_path: Path) -> None:
    """And all that the test is for, else this would show nothing."""
    at = with_other_validation(flow, tmp_path)
    assert content_hash(at / "known") != content_hash(flow.at / "known")
    augment(flow.config, at)
    for path in CHOOSES:
        assert content_hash(at / path) == content_hash(flow.at / path)
    before, after = hashes(flow.at), hashes(at)
    assert [name for name in before if before[name] == after[name]] == []
    for run in range(flow.config.replicates.runs):
        for path in (f"replicates/final-{run}", f"augmented/arms/final-{run}.parquet"):
            assert content_hash(at / path) != content_hash(flow.at / path)


def test_what_chooses_follows_the_train_set(flow: Flow, tmp_path: Path) -> None:
    """Else the test above would show nothing. What is for the test goes by what is known."""
    at = beside(flow, tmp_path)
    other_items(flow.at / "train" / "interactions.parquet", at / "train" / "interactions.parquet")
    augment(flow.config, at)
    for path in CHOOSES:
        assert content_hash(at / path) != content_hash(flow.at / path)
    before, after = hashes(flow.at), hashes(at)
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["replicates", "augmented"]


def test_before_the_test_everything_is_trained_again(flow: Flow) -> None:
    """On train and validation: nothing of these is proposed for the test, and some of what
    validation holds is proposed by what it chooses by."""
    train, known = (
        Interactions.read(flow.at / name / "interactions.parquet") for name in ("train", "known")
    )
    valid = Interactions.read(flow.at / "heldout" / "valid.parquet")
    assert known.contains(train.user, train.item).all()
    assert known.contains(valid.user, valid.item).sum() == len(known) - len(train) > 0
    folders = [f for f in (flow.at / "replicates").iterdir() if f.is_dir()]
    assert len(folders) == 1 + flow.config.replicates.runs
    for folder in folders:
        for file in folder.rglob("*.parquet"):
            table = pq.read_table(file)
            proposed = table["user"], table["item"]
            assert bool(known.contains(*proposed).any()) is (folder.name == "selection")
            assert not train.contains(*proposed).any()


def test_without_a_refit_nothing_held_out_shapes_anything(tmp_path: Path) -> None:
    flow = prepare(tmp_path / "one", evaluation={"refit": False}, replicates={"runs": 1})
    augment(flow.config, flow.at)
    at = with_other_validation(flow, tmp_path / "other")
    augment(flow.config, at)
    assert hashes(at) == hashes(flow.at)
    assert content_hash(flow.at / "known") == content_hash(flow.at / "train")


BY_TIME = ["user_time", "leave_last_out", "global_time"]


@pytest.mark.parametrize("protocol", ["random", *BY_TIME])
def test_train_and_held_out_pairs_are_disjoint(protocol: str, tmp_path: Path) -> None:
    """As the report says, with the hash of the folder that the stages read."""
    at = prepare(tmp_path, split={"protocol": protocol}).at
    folders = at / "train", at / "heldout", at / "known"
    train, heldout, known = map(content_hash, folders)
    assert Inputs.read(*folders) == Inputs(train, heldout, 0, known, 0)
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
