"""Where a step writes: in place under a DVC stage, in a temporary folder anywhere else."""

from __future__ import annotations

import os
import tempfile
from functools import cached_property
from pathlib import Path

from llm4idrec.artifacts import Artifact

IN_PLACE = "LLM4IDREC_IN_PLACE"
SCRATCH = "LLM4IDREC_SCRATCH"


def in_place() -> bool:
    """Whether a DVC stage runs in the repository, so that DVC keeps the files."""
    return os.environ.get(IN_PLACE) == "1"


class Workspace:
    """Of one step."""

    def place(self, artifact: Artifact) -> Path:
        """The path to write: the repository's in place, else the same in a temporary folder."""
        return Path(artifact.path) if in_place() else self._folder / artifact.path

    @cached_property
    def _folder(self) -> Path:
        return temporary()


def temporary() -> Path:
    """A fresh folder, in the one that the driver removes at its end if there is a driver."""
    return Path(tempfile.mkdtemp(prefix="llm4idrec-", dir=os.environ.get(SCRATCH)))
