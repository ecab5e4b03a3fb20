"""SimGCL: LightGCN with a contrast of two noisy views (Yu et al. 2022)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from llm4idrec.config.recommenders import SimGCLConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.bpr import Comparisons, bpr
from llm4idrec.recommenders.graph.lightgcn import LightGCN
from llm4idrec.recommenders.graph.losses import info_nce, loss_and_gradients
from llm4idrec.recommenders.graph.propagation import disturb, mean, neighbours, propagate


class SimGCL(LightGCN):
    """LightGCN whose layers' mean leaves out layer 0, pulled together in two noisy views.

    Noise is a constant to the gradient, so all three views are the same linear map of the weights
    and their gradients go back through it once.
    """

    settings_type: ClassVar[type[SimGCLConfig]] = SimGCLConfig
    settings: SimGCLConfig

    def start(self, train: Interactions) -> None:
        super().start(train)
        seed = int(self._rng.integers(2**63))
        self._noise = torch.Generator(self.device).manual_seed(seed)

    def propagate(self, nodes: Tensor) -> Tensor:
        """Mean of layers 1, 2, ... (Yu et al. 2022, eq. 6 and what follows it)."""
        return propagate(
            neighbours(nodes, self._adjacency), self._adjacency, self.settings.layers - 1
        )

    def loss(self, batch: Comparisons) -> tuple[Tensor, Tensor]:
        """BPR, and the contrast of two noisy views of the pairs' nodes."""
        first = neighbours(self._weights, self._adjacency)
        loss, gradient = bpr(propagate(first, self._adjacency, self.settings.layers - 1), batch)
        nodes = batch.nodes
        views = [self.view(first.clone())[nodes], self.view(first)[nodes]]
        contrast, gradients = loss_and_gradients(partial(self.contrasts, nodes), *views)
        gradient[nodes] += gradients[0] + gradients[1]
        return loss + contrast, self.propagate(gradient)

    def view(self, layer: Tensor) -> Tensor:
        """Mean of the noisy layers, from the first one without noise, which is changed."""
        layers = [disturb(layer, self.settings.noise, self._noise)]
        for _ in range(self.settings.layers - 1):
            layer = neighbours(layers[-1], self._adjacency)
            layers.append(disturb(layer, self.settings.noise, self._noise))
        return mean(layers)

    def contrasts(self, nodes: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """The weighted contrast of users and of items (Yu et al. 2022, eqs. 1 and 2)."""
        n_users = int((nodes < self._n_users).sum())
        users = self.contrast(one[:n_users], other[:n_users])
        items = self.contrast(one[n_users:], other[n_users:])
        return self.settings.contrast * (users + items)

    def contrast(self, one: Tensor, other: Tensor) -> Tensor:
        """InfoNCE of two views (n, d), in groups of at most `contrast_nodes` rows.

        A group is every so-manyth node of a random batch, so any two meet in some batch.
        """
        groups = -(-len(one) // self.settings.contrast_nodes)
        total = one.new_zeros(())
        for start in range(groups):
            queries, keys = one[start::groups], other[start::groups]
            own = torch.arange(len(keys), device=self.device)
            share = len(keys) / len(one)
            total = total + share * info_nce(
                queries, keys, own, temperature=self.settings.temperature
            )
        return total
