"""LoRA on narrow layers, as one product with W + s B A in place of three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

_WIDEST = 4
"""Weights in W for each one in A and B."""


def merge_updates(model: Any) -> None:
    """Have the narrow float32 layers of a PEFT `model` merge their updates at each forward pass:
    the same outputs and gradients, in fewer passes over the hidden states.

    The gradients of B and A come from that of all of W, which pays where W is not much larger than
    the two. Layers with dropout stay as they are, as it lies between x and A.
    """
    from peft.tuners.lora import Linear

    for layer in model.modules():
        if isinstance(layer, Linear) and _is_narrow(layer):
            layer.forward = _forward(layer)


def _is_narrow(layer: Any) -> bool:
    inner, (name,) = layer.base_layer, layer.active_adapters
    if type(inner) is not torch.nn.Linear or inner.weight.dtype != torch.float32:
        return False
    trained = layer.lora_A[name].weight.numel() + layer.lora_B[name].weight.numel()
    dropout = getattr(layer.lora_dropout[name], "p", 0.0)
    return not dropout and inner.weight.numel() <= _WIDEST * trained


def _forward(layer: Any) -> Callable[[Tensor], Tensor]:
    inner, (name,) = layer.base_layer, layer.active_adapters
    down, up, scale = layer.lora_A[name], layer.lora_B[name], layer.scaling[name]

    def forward(x: Tensor) -> Tensor:
        weight = torch.addmm(inner.weight, up.weight, down.weight, alpha=scale)
        return linear(x, weight, inner.bias)

    return forward
