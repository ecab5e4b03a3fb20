"""What the generator could have known of the answers: nothing, and how to check that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import content_hash


@dataclass(frozen=True)
class Inputs:
    """What the generator, the filter and the controls read, beside what they must not see."""

    train_hash: str
    """SHA-256 of the train folder."""
    heldout_hash: str
    """SHA-256 of the held-out folder."""
    shared_pairs: int
    """Pairs of the train set that are held out too; more than 0 is a fault of the split."""
    known_hash: str
    """SHA-256 of the folder of what is known before the test."""
    known_test_pairs: int
    """Pairs in there that are in the test set; more than 0 is a fault too."""

    @classmethod
    def read(cls, train: Path, heldout: Path, known: Path) -> Inputs:
        """The folders of the stage that splits."""
        test = Interactions.read(heldout / "test.parquet")
        at_test = shared_pairs(Interactions.read(known / "interactions.parquet"), test)
        pairs = Interactions.read(train / "interactions.parquet")
        shared = sum(
            shared_pairs(pairs, Interactions.read(heldout / name))
            for name in ("valid.parquet", "test.parquet")
        )
        return cls(content_hash(train), content_hash(heldout), shared, content_hash(known), at_test)


def shared_pairs(train: Interactions, heldout: Interactions) -> int:
    """Number of pairs in both; what is held out may have items beyond train's catalogue."""
    known = heldout.item < train.n_items
    return int(train.contains(heldout.user[known], heldout.item[known]).sum())
