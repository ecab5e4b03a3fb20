"""The running mean of the weights of a model in training, which is better than the weights are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

_MEAN = "mean/"


class RunningMean:
    """The exponential running mean of weights (Polyak and Juditsky 1992).

    It reaches over about 1 / (1 - `_REACH`) steps, and over less at first, so that it does not
    remember where the weights began.
    """

    _REACH = 0.99

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """`weights`, by name, are those of a model; they may be written into."""
        self._of = weights
        self._mean = {name: weight.detach().clone() for name, weight in self._of.items()}
        self._steps = 0

    def update(self) -> None:
        """Take in the weights as they are after a step."""
        self._steps += 1
        kept = min(self._REACH, self._steps / (self._steps + 9))
        for name, weight in self._of.items():
            self._mean[name].lerp_(weight.detach(), 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the weights are their mean."""
        own = {name: weight.detach().clone() for name, weight in self._of.items()}
        load(self._of, self._mean)
        try:
            yield
        finally:
            load(self._of, own)

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs but for the number of steps; later steps change it."""
        return {f"{_MEAN}{name}": tensor for name, tensor in self._mean.items()}

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Put it back to where it was after so many `steps`, when `state` gave them."""
        load(self._mean, tensors, _MEAN)
        self._steps = steps


@torch.no_grad()
def load(target: Mapping[str, Tensor], tensors: Mapping[str, Tensor], prefix: str = "") -> None:
    """Copy into each tensor of `target` the one that has its name behind `prefix`."""
    for name, tensor in target.items():
        tensor.copy_(tensors[prefix + name])
