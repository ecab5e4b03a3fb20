"""Where a step writes: in place under a DVC stage, in a temporary folder anywhere else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

IN_PLACE = "LLM4IDREC_IN_PLACE"
SCRATCH = "LLM4IDREC_SCRATCH"


def in_place() -> bool:
    """Whether a DVC stage runs in the repository, so that DVC keeps the files."""
    return os.environ.get(IN_PLACE) == "1"


def workspace(name: str) -> Path:
    """The path to write: `name` itself in place, else in a fresh temporary folder."""
    return Path(name) if in_place() else temporary() / Path(name).name


def temporary() -> Path:
    """A fresh folder, in the one that the driver removes at its end if there is a driver."""
    return Path(tempfile.mkdtemp(prefix="llm4idrec-", dir=os.environ.get(SCRATCH)))
