"""What train and held-out data share, counted."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.runtime.files import content_hash
from llm4idrec.verdict.leakage import Inputs, shared_pairs
from tests.llm4idrec.arrays import interactions


def test_shared_pairs() -> None:
    """(0, 4) is held out beyond the catalogue of 3 items, and is not (1, 1)."""
    train = interactions([0, 0, 1], [0, 2, 1], (2, 3))
    assert shared_pairs(train, interactions([0, 0, 1], [1, 4, 2], (2, 5))) == 0
    assert shared_pairs(train, interactions([0, 0, 1], [2, 4, 1], (2, 5))) == 2


def test_inputs(tmp_path: Path) -> None:
    train, heldout = tmp_path / "train", tmp_path / "heldout"
    interactions([0, 1], [0, 1], (2, 2)).write(train / "interactions.parquet")
    interactions([0], [1], (2, 2)).write(heldout / "valid.parquet")
    interactions([1, 1], [0, 1], (2, 2)).write(heldout / "test.parquet")
    inputs = Inputs.read(train, heldout)
    assert inputs == Inputs(content_hash(train), content_hash(heldout), 1)
