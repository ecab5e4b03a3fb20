"""XSimGCL: SimGCL with the recommendation and both views from one pass (Yu et al. 2023)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from llm4idrec.config.recommenders import XSimGCLConfig
from llm4idrec.recommenders.graph.mf import LossInput
from llm4idrec.recommenders.graph.propagation import disturb, mean, neighbours, power_series
from llm4idrec.recommenders.graph.simgcl import SimGCL


class XSimGCL(SimGCL):
    """The noisy vectors themselves are trained to rank, and contrasted with one of their layers."""

    settings_type: ClassVar[type[XSimGCLConfig]] = XSimGCLConfig
    settings: XSimGCLConfig
    paths: ClassVar[int] = 2

    def loss_inputs(self, batch: Tensor) -> list[LossInput]:
        """Noisy means of the layers at the triples and the pairs' nodes, and one noisy layer."""
        nodes = torch.unique(batch[:2])
        layers = [self._weights]
        for _ in range(self.settings.layers):
            layer = neighbours(layers[-1], self._adjacency)
            layers.append(disturb(layer, self.settings.noise, self._noise))
        final = mean(layers[1:])
        return [
            LossInput(final, batch.flatten()),
            LossInput(final, nodes),
            LossInput(layers[self.settings.contrast_layer], nodes, path=1),
        ]

    def backpropagate(self, gradients: Tensor) -> Tensor:
        of_mean, of_layer = gradients
        terms = [of_mean / self.settings.layers] * self.settings.layers
        terms[self.settings.contrast_layer - 1] = terms[0] + of_layer
        return neighbours(power_series(terms, self._adjacency), self._adjacency)
