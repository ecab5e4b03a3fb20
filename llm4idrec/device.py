"""Where tensors live."""

from __future__ import annotations

import torch


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is cuda where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
