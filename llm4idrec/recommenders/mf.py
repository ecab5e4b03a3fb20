"""Matrix factorisation with the BPR loss (Rendle et al. 2009)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config import MFConfig
from llm4idrec.interactions import Interactions
from llm4idrec.recommenders.base import EmbeddingRecommender
from llm4idrec.recommenders.losses import bpr_loss
from llm4idrec.recommenders.sampling import TripleSampler


class MF(EmbeddingRecommender):
    """One vector a user and an item, trained on (user, item taken, items not taken)."""

    settings_type: ClassVar[type[MFConfig]] = MFConfig
    settings: MFConfig

    def start(self, train: Interactions) -> None:
        settings = self.settings
        self._n_users = train.n_users
        self._rng = np.random.default_rng(self.seed)
        self._sampler = TripleSampler(train, settings.negatives)
        shape = (train.n_users + train.n_items, settings.embedding_size)
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: equal on every device
        weights = torch.empty(shape).normal_(std=settings.init_scale, generator=generator)
        self._weights = weights.to(self.device)
        self._gradient = torch.zeros_like(self._weights)
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
        users, items, others = self._sampler.epoch(self._rng)
        nodes = np.concatenate([users[None], items[None] + self._n_users, others.T + self._n_users])
        triples = torch.from_numpy(nodes).to(self.device)
        total = torch.zeros((), device=self.device)
        self._vectors = None
        for start in range(0, len(users), self.settings.batch_size):
            batch = triples[:, start : start + self.settings.batch_size]
            total += self._step(batch) * batch.shape[1]
        return float(total) / max(len(users), 1)

    def _step(self, batch: Tensor) -> Tensor:
        """One step of Adam on nodes of shape (2 + negatives, n); the loss before it.

        Autograd sees only the rows of the batch, and they are added into one kept buffer: dense
        gradients of the table, made anew for every lookup, cost more than all the rest.
        """
        index = batch.flatten()
        rows = self.propagate(self._weights).index_select(0, index).requires_grad_()
        loss = bpr_loss(rows.view(*batch.shape, -1))
        (gradient,) = torch.autograd.grad(loss, rows)
        self._gradient.zero_().index_add_(0, index, gradient)
        self._weights.grad = self.propagate(self._gradient)
        self._optimizer.step()
        return loss.detach()

    def make_vectors(self) -> tuple[Tensor, Tensor]:
        nodes = self.propagate(self._weights).clone()
        return nodes[: self._n_users].contiguous(), nodes[self._n_users :].contiguous()
