"""Matrix factorisation with the BPR loss (Rendle et al. 2009)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config.recommenders import MFConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.embedding import EmbeddingRecommender
from llm4idrec.recommenders.graph.losses import bpr_loss
from llm4idrec.recommenders.graph.negatives import TripleSampler
from llm4idrec.recommenders.training import Trained


class LossInput(NamedTuple):
    """Rows of vectors that a loss looks at."""

    vectors: Tensor
    """Of every node, shape (n_users + n_items, d); linear in the weights, up to constants."""
    nodes: Tensor
    """The rows, shape (m,)."""
    path: int = 0
    """Which of the gradients given to `backpropagate` theirs belongs to."""


class MF(EmbeddingRecommender, Trained):
    """One vector a user and an item, trained on (user, item taken, items not taken).

    Graph models change what the loss looks at (`loss_inputs`), what it adds (`loss`) and how
    gradients come back from there to the weights (`backpropagate`).
    """

    paths: ClassVar[int] = 1
    """Number of linear maps from the weights to what the loss looks at."""
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
        self._gradients = torch.zeros(self.paths, *shape, device=self.device)
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

        Autograd sees only the rows that are looked at, and they are added into kept buffers: dense
        gradients of the table, made anew for every lookup, cost more than all the rest.
        """
        inputs = self.loss_inputs(batch)
        # The rows are leaves of the graph: autograd goes no further back than to them.
        rows = [given.vectors.index_select(0, given.nodes).requires_grad_() for given in inputs]
        loss = self.loss(inputs, rows)
        # A node may be looked at many times in a batch, so gradients are added up, not written.
        self._gradients.zero_()
        for given, gradient in zip(inputs, torch.autograd.grad(loss, rows), strict=True):
            self._gradients[given.path].index_add_(0, given.nodes, gradient)
        # From the vectors to the weights the map is linear: its transpose needs no graph.
        self._weights.grad = self.backpropagate(self._gradients)
        self._optimizer.step()
        return loss.detach()

    def loss_inputs(self, batch: Tensor) -> list[LossInput]:
        """What the loss of a batch of nodes, shape (2 + negatives, n), needs to see."""
        return [LossInput(self.propagate(self._weights), batch.flatten())]

    def loss(self, inputs: list[LossInput], rows: list[Tensor]) -> Tensor:
        """A scalar, from the rows of each of `inputs`."""
        return bpr_loss(rows[0].view(2 + self.settings.negatives, -1, rows[0].shape[1]))

    def backpropagate(self, gradients: Tensor) -> Tensor:
        """Gradient of the weights from those of the vectors, shape (paths, nodes, d)."""
        return self.propagate(gradients[0])

    def make_vectors(self) -> tuple[Tensor, Tensor]:
        nodes = self.propagate(self._weights).clone()
        return nodes[: self._n_users].contiguous(), nodes[self._n_users :].contiguous()
