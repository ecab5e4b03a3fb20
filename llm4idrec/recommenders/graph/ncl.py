"""NCL: LightGCN contrasted with neighbours in the graph and in meaning (Lin et al. 2022)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from llm4idrec.config.recommenders import NCLConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.bpr import Comparisons, bpr
from llm4idrec.recommenders.graph.kmeans import kmeans, nearest_centres
from llm4idrec.recommenders.graph.lightgcn import LightGCN
from llm4idrec.recommenders.graph.losses import info_nce, loss_and_gradients
from llm4idrec.recommenders.graph.propagation import mean, neighbours, power_series

_HOPS = 2
"""Layer that stands for a node's structural neighbours: nodes of its own kind (eq. 4)."""
_ROUNDS = 10
"""Of k-means at each epoch, from the centres of the epoch before."""


class NCL(LightGCN):
    """LightGCN whose first vectors know their two-hop neighbourhood and their cluster's centre."""

    settings_type: ClassVar[type[NCLConfig]] = NCLConfig
    settings: NCLConfig

    def start(self, train: Interactions) -> None:
        super().start(train)
        self._kinds = [train.n_users, train.n_items]
        self._epochs = 0
        self._centres: list[Tensor] = []

    def train_epoch(self) -> float:
        if self._epochs >= self.settings.warm_up:
            self._cluster()
        self._epochs += 1
        return super().train_epoch()

    def _cluster(self) -> None:
        """The E-step: new centres of the users' and of the items' vectors (sec. 3.4)."""
        points = torch.split(self._weights, self._kinds)
        if not self._centres:
            for part in points:
                first = self._rng.permutation(len(part))[: self.settings.clusters]
                self._centres.append(part[torch.from_numpy(first).to(self.device)])
        pairs = zip(points, self._centres, strict=True)
        self._centres = [kmeans(part, centres, _ROUNDS) for part, centres in pairs]

    def loss(self, batch: Comparisons) -> tuple[Tensor, Tensor]:
        """BPR on the final vectors, and the contrasts of the pairs' nodes (eq. 15)."""
        layers = [self._weights]
        for _ in range(self.settings.layers):
            layers.append(neighbours(layers[-1], self._adjacency))
        loss, gradient = bpr(mean(layers), batch)
        nodes = batch.nodes
        keys = self._compared(nodes)
        contrast, (of_context, of_first) = loss_and_gradients(
            partial(self._contrasts, nodes=nodes, keys=keys),
            layers[_HOPS][nodes],
            self._weights[keys],
        )
        terms = [gradient / len(layers)] * len(layers)
        terms[0] = terms[0].index_add(0, keys, of_first)
        terms[_HOPS] = terms[_HOPS].index_add(0, nodes, of_context)
        return loss + contrast, power_series(terms, self._adjacency)

    def _compared(self, nodes: Tensor) -> Tensor:
        """The nodes whose first vectors are needed, sorted: all unless they are too many."""
        max_nodes, start = self.settings.contrast_nodes, 0
        kinds: list[Tensor] = []
        for size in self._kinds:
            kind = torch.arange(start, start + size, device=self.device)
            if size > max_nodes:
                own = nodes[(nodes >= start) & (nodes < start + size)]
                drawn = self._rng.integers(size, size=max(0, max_nodes - len(own)))
                kind = torch.unique(torch.cat([own, kind[torch.from_numpy(drawn)]]))
            kinds.append(kind)
            start += size
        return torch.cat(kinds)

    def _contrasts(
        self, contexts: Tensor, firsts: Tensor, *, nodes: Tensor, keys: Tensor
    ) -> Tensor:
        """Structure and prototypes: of `nodes` at the second layer, and of `keys` at first."""
        settings = self.settings
        places = torch.searchsorted(keys, nodes)
        split, split_keys = (int((part < self._n_users).sum()) for part in (nodes, keys))
        total = contexts.new_zeros(())
        sides = (
            (contexts[:split], firsts[:split_keys], places[:split]),
            (contexts[split:], firsts[split_keys:], places[split:] - split_keys),
        )
        for side, (context, first, own) in enumerate(sides):
            structure = info_nce(context, first, own, temperature=settings.temperature)
            total = total + settings.structure * structure
            if self._centres:
                points, centres = first[own], self._centres[side]
                nearest = nearest_centres(points.detach(), centres)
                prototypes = info_nce(points, centres, nearest, temperature=settings.temperature)
                total = total + settings.prototypes * prototypes
        return total
