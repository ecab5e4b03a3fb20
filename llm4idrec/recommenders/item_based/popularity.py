"""Popularity: the items that most users took, the same for everybody."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from llm4idrec.config.recommenders import PopularityConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.base import ClosedForm
from llm4idrec.recommenders.ranking import rank_scores


class Popularity(ClosedForm):
    """Scores an item by its number of users."""

    settings_type: ClassVar[type[PopularityConfig]] = PopularityConfig

    def learn(self, train: Interactions) -> None:
        self._counts = torch.from_numpy(train.item_counts).to(self.device, torch.float32)

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        def score(chunk: IntArray) -> Tensor:
            return self._counts.repeat(len(chunk), 1)

        return rank_scores(score, users, k, seen=seen, n_items=len(self._counts))

    def state(self) -> dict[str, Tensor]:
        return {"counts": self._counts}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._counts = state["counts"]
