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
    train, heldout, known = (tmp_path / name for name in ("train", "heldout", "known"))
    interactions([0, 1], [0, 1], (2, 2)).write(train / "interactions.parquet")
    interactions([0], [1], (2, 2)).write(heldout / "valid.parquet")
    interactions([1, 1], [0, 1], (2, 2)).write(heldout / "test.parquet")
    interactions([0, 1, 1], [0, 1, 0], (2, 2)).write(known / "interactions.parquet")
    inputs = Inputs.read(train, heldout, known)
    hashes = [content_hash(folder) for folder in (train, heldout, known)]
    assert inputs == Inputs(hashes[0], hashes[1], 1, hashes[2], 2)
