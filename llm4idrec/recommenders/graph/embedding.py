"""Recommenders whose score is the inner product of two vectors."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.products import products
from llm4idrec.recommenders.ranking import rank_scores


class EmbeddingRecommender(Recommender):
    """Scores an item by the inner product of the user's and the item's vector.

    A subclass drops `_vectors` when it trains; they are made again when somebody ranks.
    """

    _vectors: tuple[Tensor, Tensor] | None = None

    @abstractmethod
    def make_vectors(self) -> tuple[Tensor, Tensor]:
        """New tensors (n_users, d) and (n_items, d) from what was learned so far."""

    @property
    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of users and of items, shapes (n_users, d) and (n_items, d)."""
        if self._vectors is None:
            self._vectors = self.make_vectors()
        return self._vectors

    def state(self) -> dict[str, Tensor]:
        return dict(zip(("users", "items"), self.vectors, strict=True))

    def restore(self, state: dict[str, Tensor]) -> None:
        self._vectors = state["users"], state["items"]

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        user_vectors, item_vectors = self.vectors

        def score(chunk: IntArray) -> Tensor:
            rows = torch.from_numpy(chunk.astype(np.int64)).to(self.device)
            return products(user_vectors[rows], item_vectors)

        return rank_scores(score, users, k, seen=seen, n_items=len(item_vectors))
