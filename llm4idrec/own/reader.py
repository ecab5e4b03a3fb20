"""What `score` was given, as rankings of items for the users of the test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from llm4idrec.artifacts import AUGMENTED, IDENTIFIERS, Files
from llm4idrec.data.interactions import IntArray
from llm4idrec.own.handed_in import HandedIn, read_handed_in, read_scores
from llm4idrec.own.hidden import hidden_additions
from llm4idrec.own.id_lists import Identifiers, read_id_lists
from llm4idrec.own.score import Scoring


class Reader(NamedTuple):
    """Reads what was handed in, and says on stderr what is odd about it."""

    kind: str
    numbers: bool
    files: Files
    scoring: Scoring

    def rank(self, name: Path) -> IntArray:
        """What `Scoring.rank` makes of it."""
        data = self.scoring.data
        handed_in, notes = self._handed_in(name)
        ranked = self.scoring.rank(handed_in)
        notes += [f"{name}: {gap}" for gap in self.scoring.gaps(ranked)]
        if self.kind != "vectors":  # which hide nothing
            hidden = hidden_additions(ranked, data.at_test, self.files[AUGMENTED])
            notes += [f"{name}: {hidden}"] if hidden else []
        for note in notes:
            print(note, file=sys.stderr)
        return ranked

    def _handed_in(self, name: Path) -> tuple[HandedIn, list[str]]:
        """That, and what was left out."""
        train = self.scoring.data.train
        identifiers = Identifiers.read(self.files[IDENTIFIERS], train.n_items)
        if self.kind == "ranking":
            return read_id_lists(name, identifiers, numbers=self.numbers)
        shape = train.n_users, train.n_items
        unranked = len(identifiers.items) - train.n_items
        if self.kind == "scores":
            return read_scores(name, shape, unranked), []
        return read_handed_in(name, "vectors", shape=shape, unranked=unranked), []
