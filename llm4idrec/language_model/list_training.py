"""Training a compact model on lists, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from llm4idrec.config import BaseModelConfig
from llm4idrec.errors import DivergenceError
from llm4idrec.language_model.causal_training import causal_loss, require_no_growth
from llm4idrec.language_model.list_batches import ListBatches
from llm4idrec.language_model.weights import REMEDY, Weights
from llm4idrec.nn.running_mean import RunningMean


class ListTraining:
    """AdamW over lists. The step size rises in the first epoch and then stays, and what is taken of
    the model is the running mean of its weights: so that no number of epochs has to be known at the
    start, as one has for a step size that falls to zero.

    `model` is on the device where it learns; `seed` decides what dropout and the loss draw. The
    global random state is left alone.
    """

    def __init__(
        self, model: Any, batches: ListBatches, config: BaseModelConfig, *, seed: int
    ) -> None:
        self.model = model
        self.losses: list[float] = []
        """Of each step done."""
        self._batches, self._config, self._seed = batches, config, seed
        self._trained = Weights(model, config.learning_rate, weight_decay=config.weight_decay)
        self._mean = RunningMean(self._trained.by_name)

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.losses) // len(self._batches)

    @property
    def weights(self) -> dict[str, Tensor]:
        """Those that are trained, by name; writing into them changes the model."""
        return self._trained.by_name

    def copy_weights(self) -> dict[str, Tensor]:
        """As they are now."""
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    def steps_of(self, epoch: int) -> range:
        """The steps of an epoch, which counts from 1."""
        return range((epoch - 1) * len(self._batches), epoch * len(self._batches))

    def run_epoch(self) -> Iterator[float]:
        """Pass once over all lists, and tell the loss of each step.

        Raises `DivergenceError` when a loss or a weight is not finite, or the loss grows.
        """
        size = self.model.config.vocab_size
        self.model.train()
        with self._drawing(), _embedding_dropout(self.model, self._config.dropout):
            for batch in self._batches.epoch(self.epochs):
                step = len(self.losses)
                torch.manual_seed((self._seed * 1_000_003 + step) % 2**63)
                self.losses.append(self._learn(batch.input_ids, batch.labels))
                if not math.isfinite(self.losses[-1]):
                    found = f"the loss is {self.losses[-1]} at step {step}"
                    raise DivergenceError(f"{found}; {REMEDY}")
                require_no_growth(self.losses, size)
                rise = min(1.0, (step + 1) / len(self._batches))
                self._trained.update(self._config.learning_rate * rise)
                self._mean.update()
                yield self.losses[-1]
        self._trained.require_finite(len(self.losses))
        self.model.eval()

    def _learn(self, ids: Tensor, labels: Tensor) -> float:
        device = next(self.model.parameters()).device
        loss = causal_loss(
            self.model, ids.to(device), labels.to(device), negatives=self._config.negatives
        )
        torch.autograd.backward(loss)
        return float(loss.detach())

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the weights are their running mean."""
        with self._mean.in_place():
            yield

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs but for the losses; later steps change it."""
        return self._trained.state() | self._mean.state()

    def restore(self, tensors: Mapping[str, Tensor], losses: list[float]) -> None:
        """Put everything back to where it was when there were those `losses`, and `state` gave
        `tensors`."""
        self._trained.restore(tensors)
        self._mean.restore(tensors, len(losses))
        self.losses = list(losses)

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """Inside, torch may be seeded anew; its state comes back."""
        device = next(self.model.parameters()).device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield


@contextmanager
def _embedding_dropout(model: Any, share: float) -> Iterator[None]:
    """Inside, drop a share of what the embedding layer gives while the model is in train mode."""

    def drop(layer: Any, inputs: Any, output: Tensor) -> Tensor:
        return torch.nn.functional.dropout(output, share, model.training)

    hook = model.get_input_embeddings().register_forward_hook(drop)
    try:
        yield
    finally:
        hook.remove()
