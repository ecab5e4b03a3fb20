"""SASRec: each item's next one from the items up to it (Kang and McAuley 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from torch import Tensor

from llm4idrec.config.recommenders import SASRecConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.nn.sampled_softmax import binary_cross_entropy
from llm4idrec.recommenders.graph.negatives import UnseenSampler
from llm4idrec.recommenders.sequential.base import Sequential
from llm4idrec.recommenders.sequential.sequences import Batch, Sequences


class SASRec(Sequential):
    """A causal transformer trained on every place of every history.

    The paper trains on the latest `max_length` items of a history; here a longer one is cut into
    pieces, elsewhere in each epoch, so that no item is left out.
    """

    settings_type: ClassVar[type[SASRecConfig]] = SASRecConfig
    settings: SASRecConfig

    def start(self, train: Interactions) -> None:
        super().start(train)
        self._unseen = UnseenSampler(train)
        # A user who has the whole catalogue has nothing to be compared with.
        learnable = (train.history_lengths > 1) & (self._unseen.unseen > 0)
        self._users = np.flatnonzero(learnable).astype(np.int32)
        self._histories = Sequences.of(train, self._users, train.n_items)

    def losses(self) -> Iterator[tuple[Tensor, int]]:
        inputs, targets, unseen = self.epoch()
        for batch in self.pack(inputs, self.settings.batch_size):
            loss, _ = self.predict(
                batch, batch.slots, targets[batch.span], unseen=unseen[batch.span]
            )
            yield loss, len(batch.slots)

    def epoch(self) -> tuple[Sequences, Tensor, Tensor]:
        """Pieces of all histories in random order, each without its last item.

        And for each of their n items the next one, and one that the user does not have, both (n,).
        """
        pieces, owner = self._histories.pieces(self.settings.max_length + 1, self._rng, overlap=1)
        order = self._rng.permutation(len(pieces))
        whole = pieces.take(order)
        inputs = whole.cut(whole.starts, whole.lengths - 1)
        targets = whole.cut(whole.starts + 1, whole.lengths - 1).items
        users = self._users[owner[order]].astype(np.int64)
        others = self._unseen.draw(users[inputs.owner], self._rng)
        return inputs, self.tensor(targets), self.tensor(others)

    def predict(
        self, batch: Batch, slots: Tensor, targets: Tensor, *, unseen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The mean loss at `slots`, and what all slots are encoded as, (rows * width, d).

        `targets` and `unseen`, of the shape (n,) of `slots`: the items to come there, and others.
        """
        sampled = self.settings.loss == "cross_entropy"
        others = self.draw_items() if sampled else unseen
        vectors, right, wrong = self._model.look_up(batch.items, targets, others)
        encoded = self._model(batch, vectors, causal=True, dropout=self._dropout).flatten(0, 1)
        hidden = encoded.index_select(0, slots)
        if sampled:
            return self.cross_entropy(hidden, right, wrong, targets=targets, drawn=others), encoded
        return binary_cross_entropy(hidden, right, wrong), encoded
