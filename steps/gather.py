"""Step: what there is of each recommender in one folder, as DVC has it."""

import shutil
from pathlib import Path
from typing import Annotated

from steps.step import step
from steps.workspace import temporary


@step
def gather(parts: list[Path]) -> Annotated[Path, "gathered"]:
    out = temporary() / "all"
    out.mkdir()
    for part in parts:
        if part.is_dir():
            shutil.copytree(part, out / part.name)
        else:
            shutil.copy(part, out)
    return out
