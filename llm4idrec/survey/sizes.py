"""The counts that a run's cost follows from, by the real split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llm4idrec.artifacts import INTERACTIONS, KNOWN, TRAIN, Files
from llm4idrec.augmentation.left_out import why_left_out
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_taken
from llm4idrec.runtime.files import read_json


@dataclass(frozen=True)
class Sizes:
    """What `prepare` left."""

    rows: int
    """Of the file, repeats among them."""
    users: int
    items: int
    """Of the catalogue."""
    train: int
    known: int
    """Pairs of train, and of what is known before the test."""
    views: int
    """How often the language model is shown a user's items to propose others."""
    has_time: bool
    left_out: frozenset[str]
    """Sources of controls that do not suit these data."""
    summary: Mapping[str, float]
    """All counts of the split."""

    @classmethod
    def of(cls, files: Files, config: Config) -> Sizes:
        known = Interactions.read(files[KNOWN] / INTERACTIONS)
        summary = read_json(files[TRAIN] / "summary.json")
        views, samples = config.generation.asked(lists_taken(config.lists, files[TRAIN]))
        return cls(
            rows=int(summary["pairs_read"]),
            users=int(summary["users"]),
            items=int(summary["catalogue_items"]),
            train=int(summary["train_pairs"]),
            known=len(known),
            views=views * samples,
            has_time=known.has_time,
            left_out=frozenset(name for name in ("ease", "sasrec") if why_left_out(name, known)),
            summary=summary,
        )
