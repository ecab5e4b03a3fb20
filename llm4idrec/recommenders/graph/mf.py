"""Matrix factorisation with the BPR loss (Rendle et al. 2009)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config.recommenders import MFConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.bpr import Comparisons, bpr
from llm4idrec.recommenders.graph.embedding import EmbeddingRecommender
from llm4idrec.recommenders.graph.negatives import TripleSampler
from llm4idrec.recommenders.training import Trained


class MF(EmbeddingRecommender, Trained):
    """One vector a user and an item, trained on (user, item taken, items not taken).

    Graph models map the weights to vectors (`propagate`) and add to the loss (`loss`).
    """

    settings_type: ClassVar[type[MFConfig]] = MFConfig
    settings: MFConfig

    def start(self, train: Interactions) -> None:
        settings = self.settings
        self._n_users, self._shape = train.n_users, (train.n_users, train.n_items)
        self._rng = np.random.default_rng(self.seed)
        self._sampler = TripleSampler(train, settings.negatives)
        shape = (train.n_users + train.n_items, settings.embedding_size)
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: equal on every device
        weights = torch.empty(shape).normal_(std=settings.init_scale, generator=generator)
        self._weights = weights.to(self.device)
        self._optimizer = torch.optim.Adam(
            [self._weights],
            settings.learning_rate,
            weight_decay=settings.l2 / len(weights),
            fused=True,
        )
        self._vectors = None

    def propagate(self, nodes: Tensor) -> Tensor:
        """Turn weights into the vectors that scores are products of, (n_users + n_items, d).

        The map must be linear and symmetric: gradients go back through the same map.
        """
        return nodes

    def train_epoch(self) -> float:
        total = torch.zeros((), device=self.device)
        self._vectors = None
        for users, items in self._sampler.epoch(self._rng, self.settings.batch_size):
            batch = Comparisons.of(users, items, self._shape).to(self.device)
            loss, self._weights.grad = self.loss(batch)
            self._optimizer.step()
            total += loss * len(batch)
        return float(total) / max(len(self._sampler), 1)

    def loss(self, batch: Comparisons) -> tuple[Tensor, Tensor]:
        """A scalar, and its gradient in the weights, (n_users + n_items, d)."""
        loss, gradient = bpr(self.propagate(self._weights), batch)
        # From the weights to the vectors the map is symmetric: it is its own transpose.
        return loss, self.propagate(gradient)

    def make_vectors(self) -> tuple[Tensor, Tensor]:
        nodes = self.propagate(self._weights).clone()
        return nodes[: self._n_users].contiguous(), nodes[self._n_users :].contiguous()
