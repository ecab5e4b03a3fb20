"""LightGCN: matrix factorisation whose vectors are smoothed over the graph (He et al. 2020)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from llm4idrec.config.recommenders import LightGCNConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.graph.propagation import normalised_adjacency, propagate


class LightGCN(MF):
    """MF on the mean of the vectors and their neighbours' up to `layers` steps away."""

    settings_type: ClassVar[type[LightGCNConfig]] = LightGCNConfig
    settings: LightGCNConfig

    def start(self, train: Interactions) -> None:
        self._adjacency = normalised_adjacency(train, self.device)
        super().start(train)

    def propagate(self, nodes: Tensor) -> Tensor:
        return propagate(nodes, self._adjacency, self.settings.layers)
