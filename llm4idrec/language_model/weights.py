"""The weights of a model that are trained, one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from llm4idrec.errors import DivergenceError
from llm4idrec.nn.running_mean import load

REMEDY = "use a smaller learning_rate, or precision float32 if it is another"
_WEIGHT, _OPTIMIZER = "weight/", "optimizer/"


class Weights:
    """Those that require gradients, by name, and the optimizer that updates them (AdamW)."""

    def __init__(
        self, model: Any, learning_rate: float, *, weight_decay: float = 0.0, scaled: bool = False
    ) -> None:
        self.by_name: dict[str, Tensor] = {
            name: weight for name, weight in model.named_parameters() if weight.requires_grad
        }
        self._optimizer: Any = torch.optim.AdamW(
            self.by_name.values(), lr=learning_rate, weight_decay=weight_decay, fused=True
        )
        device = next(model.parameters()).device
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)
        """Of gradients that float16 could not hold."""

    def update(self, rate: float) -> None:
        """Go one step down the gradients, at most 1 long, and forget them."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.scaler.unscale_(self._optimizer)
        clip_grad_norm_(self.by_name.values(), 1.0)
        self.scaler.step(self._optimizer)
        self.scaler.update()
        self._optimizer.zero_grad(set_to_none=True)

    def require_finite(self, steps: int) -> None:
        """Raises `DivergenceError` if a weight is not, after so many steps."""
        if not all(bool(weight.isfinite().all()) for weight in self.by_name.values()):
            raise DivergenceError(f"weights are not finite after step {steps - 1}; {REMEDY}")

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs but for the scaler; later steps change it."""
        tensors = {f"{_WEIGHT}{name}": weight.detach() for name, weight in self.by_name.items()}
        for number, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"{_OPTIMIZER}{number}/{key}": value for key, value in state.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put everything back to where it was when `state` gave them."""
        state: dict[int, dict[str, Tensor]] = {}
        load(self.by_name, tensors, _WEIGHT)
        for name, tensor in tensors.items():
            if name.startswith(_OPTIMIZER):
                number, key = name.removeprefix(_OPTIMIZER).split("/")
                state.setdefault(int(number), {})[key] = tensor
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": state})
