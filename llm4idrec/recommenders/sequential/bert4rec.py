"""BERT4Rec: hidden items from all the others of a history (Sun et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from llm4idrec.config.recommenders import BERT4RecConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.sequential.base import Sequential
from llm4idrec.recommenders.sequential.sequences import Sequences


class BERT4Rec(Sequential):
    """A bidirectional transformer that fills gaps; the next item is a gap at the end.

    As with SASRec, a history of more than `max_length` items is cut into pieces.
    """

    settings_type: ClassVar[type[BERT4RecConfig]] = BERT4RecConfig
    settings: BERT4RecConfig
    bidirectional = True

    def start(self, train: Interactions) -> None:
        super().start(train)
        users = np.flatnonzero(train.history_lengths > 1).astype(np.int32)
        self._histories = Sequences.of(train, users, train.n_items)

    def losses(self) -> Iterator[tuple[Tensor, int]]:
        pieces, _ = self._histories.pieces(self.settings.max_length, self._rng, overlap=0)
        whole = pieces.take(self._rng.permutation(len(pieces)))
        gap = hide(whole, self.settings.masked, last_only=self.settings.last_only, rng=self._rng)
        gapped = Sequences(np.where(gap, self.n_items, whole.items), whole.lengths)
        targets, gaps = self.tensor(whole.items), self.tensor(gap)
        for batch in self.pack(gapped, self.settings.batch_size):
            here = gaps[batch.span]
            right, drawn = targets[batch.span][here], self.draw_items()
            vectors, own, others = self._model.look_up(batch.items, right, drawn)
            encoded = self._model(batch, vectors, causal=False, dropout=self._dropout).flatten(0, 1)
            hidden = encoded.index_select(0, batch.slots[here])
            yield self.cross_entropy(hidden, own, others, targets=right, drawn=drawn), len(right)

    def continued(self, history: Interactions, users: IntArray) -> Sequences:
        known = Sequences.latest(
            history, users, n_items=self.n_items, max_length=self.settings.max_length - 1
        )
        return known.append(self.n_items)


def hide(
    sequences: Sequences, share: float, *, last_only: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which items are hidden, (n,): one at least in each sequence.

    Each item is with probability `share`; in a fraction `last_only` of the sequences it is the last
    alone, as at ranking time (section 3.6).
    """
    last = sequences.place == (sequences.lengths - 1)[sequences.owner]
    alone = (rng.random(len(sequences)) < last_only)[sequences.owner]
    hidden = ~alone & (rng.random(len(sequences.items)) < share)
    some = np.bincount(sequences.owner, hidden, len(sequences)) > 0
    return np.asarray(hidden | (last & ~some[sequences.owner]))
