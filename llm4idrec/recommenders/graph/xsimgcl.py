"""XSimGCL: SimGCL with the recommendation and both views from one pass (Yu et al. 2023)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor

from llm4idrec.config.recommenders import XSimGCLConfig
from llm4idrec.recommenders.graph.bpr import Comparisons, bpr
from llm4idrec.recommenders.graph.losses import loss_and_gradients
from llm4idrec.recommenders.graph.propagation import disturb, mean, neighbours, power_series
from llm4idrec.recommenders.graph.simgcl import SimGCL


class XSimGCL(SimGCL):
    """The noisy vectors themselves are trained to rank, and contrasted with one of their layers."""

    settings_type: ClassVar[type[XSimGCLConfig]] = XSimGCLConfig
    settings: XSimGCLConfig

    def loss(self, batch: Comparisons) -> tuple[Tensor, Tensor]:
        """BPR on the noisy means of the layers, and their contrast with one noisy layer."""
        n_layers, contrasted = self.settings.layers, self.settings.contrast_layer
        layers = [self._weights]
        for _ in range(n_layers):
            layer = neighbours(layers[-1], self._adjacency)
            layers.append(disturb(layer, self.settings.noise, self._noise))
        final = mean(layers[1:])
        loss, of_final = bpr(final, batch)
        nodes = batch.nodes
        contrast, (of_one, of_other) = loss_and_gradients(
            partial(self.contrasts, nodes), final[nodes], layers[contrasted][nodes]
        )
        of_final[nodes] += of_one
        terms = [of_final / n_layers] * n_layers
        terms[contrasted - 1] = terms[0].index_add(0, nodes, of_other)
        return loss + contrast, neighbours(power_series(terms, self._adjacency), self._adjacency)
