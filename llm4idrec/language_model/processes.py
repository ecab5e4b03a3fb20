"""The processes that tune one model: those that `accelerate launch` has started, or one alone.

Each has all trainable weights, which are few, and takes its share of the batches of a step; before
the step gradients are averaged, and so all hold the same weights after it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.runtime.device import choose_device

_UNSUPPORTED = {
    ("ACCELERATE_USE_DEEPSPEED", "true"): "DeepSpeed",
    ("ACCELERATE_USE_MEGATRON_LM", "true"): "Megatron-LM",
    ("FSDP_VERSION", "1"): "the first FSDP",
    ("FSDP_OFFLOAD_PARAMS", "true"): "the offloading of FSDP",
}


@dataclass(frozen=True)
class Processes:
    """This process, among those that train one model."""

    device: torch.device
    """Where this one computes."""
    index: int = 0
    number: int = 1
    sharded: bool = False
    """Does each keep a part of the base weights only (FSDP2)?"""

    @property
    def main(self) -> bool:
        """Is this the one that writes?"""
        return self.index == 0

    def share(self, parts: int) -> range:
        """Numbers of the parts of a step that this process takes, as many as each other takes."""
        if parts % self.number:
            raise InputError(
                f"adapter.accumulation: {parts} forward passes a step cannot be shared out evenly "
                f"to {self.number} processes",
                f"a multiple of {self.number}",
                "set it, and make adapter.batch_size as many times smaller",
            )
        return range(self.index, parts, self.number)

    @property
    def loading_device(self) -> torch.device:
        """Where to load the base model, which a GPU need not hold whole if it is to be sharded."""
        return torch.device("cpu") if self.sharded else self.device

    def shard(self, model: Any) -> None:
        """If `sharded`, keep a part of the frozen weights of each decoder layer, and put them
        together only while the layer computes; what is trained, embeddings and head stay whole."""
        if not self.sharded:
            return
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        inner = model.get_base_model()
        layers = [m for m in model.modules() if type(m).__name__ in (inner._no_split_modules or ())]
        if not layers:
            raise InputError(
                f"{type(inner).__name__} does not name its decoder layers, which FSDP shares out",
                "a base model with `_no_split_modules`",
            )
        parts = {p for layer in layers for p in layer.parameters() if not p.requires_grad}
        whole = {p for p in model.parameters() if p not in parts}
        for tensor in (*whole, *model.buffers()):
            tensor.data = tensor.data.to(self.device)
        mesh = init_device_mesh(self.device.type, (self.number,))
        for module in (*layers, inner.base_model):
            fully_shard(module, mesh=mesh, ignored_params=whole)

    def mean(self, number: float) -> float:
        """The mean of what `number` is in each process."""
        if self.number == 1:
            return number
        message = torch.tensor(number, dtype=torch.float64, device=self.device)
        self._add_up(message)
        return message.item() / self.number

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Give each tensor the value of its mean over the processes, taken in float32."""
        if self.number == 1:
            return
        message = torch.cat([tensor.flatten().float() for tensor in tensors])
        self._add_up(message)
        means = torch.split(message / self.number, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Until all have come here."""
        self.mean(0.0)

    def require_same(self, number: int, what: str) -> None:
        """Raise `InputError` unless it is the same in all processes."""
        if self.mean(number) != number:
            expected = "a folder that all machines share, under one path"
            raise InputError(f"the processes do not find the same {what}", expected)

    def _add_up(self, message: Tensor) -> None:
        try:
            distributed.all_reduce(message)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise LLM4IDRecError(f"another process of the tuning has ended ({reason})") from error


def joined() -> bool:
    """Has `accelerate launch` started this process as one of several?

    Raises `InputError` if it was asked for several and has started this one only.
    """
    several = {"ACCELERATE_MIXED_PRECISION", "MASTER_ADDR"} <= os.environ.keys()
    if several and "LOCAL_RANK" not in os.environ:
        raise InputError(
            "accelerate was asked for several processes and has started one",
            remedy="where there are no GPUs, give it --multi_gpu, which is for CPUs too, not --cpu",
        )
    return "LOCAL_RANK" in os.environ


def is_main() -> bool:
    """Is this process alone, or the first of those that `accelerate launch` has started?"""
    return not joined() or os.environ["RANK"] == "0"


@contextmanager
def training_processes(device: str) -> Iterator[Processes]:
    """Yield this process: alone, or joined with all that `accelerate launch` has started.

    Raises `InputError` if accelerate's settings ask for what is not supported.
    """
    chosen = choose_device(device)
    if not joined():
        yield Processes(chosen)
        return
    from accelerate import PartialState

    for (name, value), feature in _UNSUPPORTED.items():
        if os.environ.get(name) == value:
            expected = "data parallelism, or FSDP with fsdp_version 2"
            raise InputError(f"accelerate is told to use {feature}", expected)
    # Else transformers would load the base model's weights in the main process only.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    state = PartialState(cpu=chosen.type == "cpu")
    sharded = os.environ.get("ACCELERATE_USE_FSDP") == "true"
    yield Processes(state.device, state.process_index, state.num_processes, sharded)
    state.wait_for_everyone()
    state.destroy_process_group()
