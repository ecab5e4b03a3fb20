"""What a run leaves that the next one has to leave too."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.runtime.files import COST
from llm4idrec.stages.stamp import FOLDER

OF_THIS_RUN = {COST, "comparison.html"}
"""Files that say how long it took and when it was."""


def results(folder: Path) -> dict[str, bytes]:
    """All files below `folder` but for those, and the stamps, which have hashes of them."""
    every = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    kept = {name for name in every if name.name not in OF_THIS_RUN and name.parts[0] != FOLDER}
    return {str(name): every[name].read_bytes() for name in kept}
