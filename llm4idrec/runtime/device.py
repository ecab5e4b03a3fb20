"""Where tensors live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm4idrec.errors import InputError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is cuda where there is one, else the CPU.

    Raises `InputError` for a cuda that is not there.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    require_device(name)
    return torch.device(name)


def require_device(name: str) -> None:
    """`InputError` if the device is not there; a quick answer where it is not asked for by name."""
    if name != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        remedy = "set `device` to auto or cpu, or install a driver and a CUDA build of torch"
        raise InputError("`device` is cuda, and torch finds none", "a CUDA device", remedy)
