"""What train and held-out data share, counted."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import content_hash
from llm4idrec.verdict.leakage import Inputs, shared_pairs


def test_shared_pairs() -> None:
    """(0, 4) is held out beyond the catalogue of 3 items, and is not (1, 1)."""
    train = Interactions([0, 0, 1], [0, 2, 1], 2, 3)
    assert shared_pairs(train, Interactions([0, 0, 1], [1, 4, 2], 2, 5)) == 0
    assert shared_pairs(train, Interactions([0, 0, 1], [2, 4, 1], 2, 5)) == 2


def test_inputs(tmp_path: Path) -> None:
    train, heldout = tmp_path / "train", tmp_path / "heldout"
    Interactions([0, 1], [0, 1], 2, 2).write(train / "interactions.parquet")
    Interactions([0], [1], 2, 2).write(heldout / "valid.parquet")
    Interactions([1, 1], [0, 1], 2, 2).write(heldout / "test.parquet")
    inputs = Inputs.read(train, heldout)
    assert inputs == Inputs(content_hash(train), content_hash(heldout), 1)
