"""Where a step writes: in place under a DVC stage, in a temporary folder anywhere else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

IN_PLACE = "LLM4IDREC_IN_PLACE"


def in_place() -> bool:
    """Whether a DVC stage runs in the repository, so that DVC keeps the files."""
    return os.environ.get(IN_PLACE) == "1"


def workspace(name: str) -> Path:
    """The path to write: `name` itself in place, else in a fresh temporary folder."""
    if in_place():
        return Path(name)
    return Path(tempfile.mkdtemp(prefix="llm4idrec-")) / Path(name).name
