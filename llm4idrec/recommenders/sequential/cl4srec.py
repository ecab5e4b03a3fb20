"""CL4SRec: SASRec whose two views of a history should be alike (Xie et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from llm4idrec.config.recommenders import CL4SRecConfig
from llm4idrec.recommenders.graph.losses import info_nce
from llm4idrec.recommenders.sequential.sasrec import SASRec
from llm4idrec.recommenders.sequential.sequences import Sequences
from llm4idrec.recommenders.sequential.views import random_view


class CL4SRec(SASRec):
    """SASRec's loss plus `contrast` times InfoNCE between the ends of two views."""

    settings_type: ClassVar[type[CL4SRecConfig]] = CL4SRecConfig
    settings: CL4SRecConfig

    def losses(self) -> Iterator[tuple[Tensor, int]]:
        inputs, targets, unseen = self.epoch()
        parts = (inputs, self._view(inputs), self._view(inputs))
        packed = (self.pack(part, self.settings.batch_size) for part in parts)
        for batch, one, two in zip(*packed, strict=True):
            rows = batch.join(one).join(two)  # one pass through the transformer for all three
            loss, encoded = self.predict(
                rows, batch.slots, targets[batch.span], unseen=unseen[batch.span]
            )
            _, first, second = encoded.index_select(0, rows.last).chunk(3)
            yield loss + self.settings.contrast * self._contrast(first, second), len(batch.slots)

    def _view(self, inputs: Sequences) -> Sequences:
        settings = self.settings
        shares = (settings.cropped, settings.masked, settings.reordered)
        return random_view(inputs, shares, hidden=self.n_items, rng=self._rng)

    def _contrast(self, first: Tensor, second: Tensor) -> Tensor:
        """Each view is to find the other one of its history in the batch; shapes (m, d)."""
        own = torch.arange(len(first), device=first.device)
        there, back = (
            info_nce(queries, keys, own, temperature=self.settings.temperature)
            for queries, keys in ((first, second), (second, first))
        )
        return (there + back) / 2
