"""Rankings that were made elsewhere, measured on the test as this package measures its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation.data import Data
from llm4idrec.evaluation.ledger import Look
from llm4idrec.evaluation.measures import Measures
from llm4idrec.evaluation.source_rankings import DEPTH
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.own.handed_in import HandedIn
from llm4idrec.recommenders.ranking import NO_ITEM
from llm4idrec.runtime.files import content_hash, fingerprint
from llm4idrec.runtime.project import CODE

ELSEWHERE = "score"
"""What the ledger has in a recommender's place."""


@dataclass(frozen=True)
class Scoring:
    """The users, and what is measured."""

    data: Data
    file: Path
    """Of the held-out interactions."""
    cutoffs: tuple[int, ...]

    @cached_property
    def k(self) -> int:
        """Places that count."""
        return max(self.cutoffs)

    def rank(self, handed_in: HandedIn) -> IntArray:
        """The best items of each user that the user is not known to have, (users, k or more), best
        first; rows end in `NO_ITEM`, and are empty for users of whom nothing was handed in."""
        users, seen = self.data.at_test
        ranked = handed_in.rank(users, max(self.k, DEPTH), seen)
        ranked[np.isin(users, handed_in.lacking)] = NO_ITEM
        return ranked

    def gaps(self, ranked: IntArray) -> list[str]:
        """A sentence each: users that a ranking lacks, and users with too few items in it."""
        users, seen = self.data.at_test
        lengths = np.count_nonzero(ranked[:, : self.k] != NO_ITEM, axis=1)
        left = self.data.train.n_items - seen.history_lengths[users]
        short = np.count_nonzero((lengths > 0) & (lengths < np.minimum(self.k, left)))
        sentences = []
        if lacking := np.count_nonzero(lengths == 0):
            sentences.append(
                f"{lacking} of {len(users)} test users have no item in it; they count as 0"
            )
        if short:
            sentences.append(
                f"{short} of {len(users)} test users have fewer than {self.k} items in it, without "
                "those that they are known to have; the places left count as misses"
            )
        return sentences


class Scores(NamedTuple):
    """Of one ranking, or of one a seed."""

    by_user: dict[str, FloatArray]
    """By metric, shape (seeds, users)."""
    numbers: dict[str, float]
    """What has no value for a single user, or not for each: means over seeds."""

    @classmethod
    def of(cls, ranked: Sequence[IntArray], scoring: Scoring) -> Self:
        """Of what `Scoring.rank` gave, one a seed."""
        measured = [Measures.of(its, scoring.data, scoring.cutoffs) for its in ranked]
        metrics = measured[0].by_user.column_names[1:]
        return cls(
            {name: np.stack([m.by_user[name].to_numpy() for m in measured]) for name in metrics},
            {
                name: float(np.mean([its.numbers[name] for its in measured]))
                for name in measured[0].numbers
            },
        )

    def look(self, ranked: Sequence[IntArray], scoring: Scoring, names: Sequence[str]) -> Look:
        """What the ledger keeps; the question is which items are ranked, `names` are those of the
        files."""
        tops = (np.ascontiguousarray(its[:, : scoring.k]) for its in ranked)
        hashes = [hashlib.sha256(top.tobytes()).hexdigest() for top in tops]
        cutoffs = list(scoring.cutoffs)
        return Look(
            test=content_hash(scoring.file),
            recommender=ELSEWHERE,
            question=fingerprint(scoring.file, ranked=hashes, cutoffs=cutoffs),
            settings={"evaluation": {"cutoffs": cutoffs}, ELSEWHERE: {"files": list(names)}},
            code=os.environ.get(CODE, ""),
            result={name: float(values.mean()) for name, values in self.by_user.items()},
        )
