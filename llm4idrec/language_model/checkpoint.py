"""Where a training is, in one file, so that there is always a whole one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from llm4idrec.runtime.files import replacing_file

CHECKPOINT = "checkpoint.safetensors"


class Checkpoint(NamedTuple):
    """What was saved."""

    tensors: dict[str, Tensor]
    progress: dict[str, Any]
    """What JSON can hold."""


def save(folder: Path, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder`."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacing_file(folder / CHECKPOINT) as partial:
        save_file(whole, partial, metadata={"progress": json.dumps(progress)})


def read(folder: Path) -> Checkpoint | None:
    """The checkpoint in `folder`, if there is one."""
    if not (folder / CHECKPOINT).is_file():
        return None
    with safe_open(folder / CHECKPOINT, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Checkpoint(tensors, json.loads(file.metadata()["progress"]))
