"""Step: the interaction file, its IDs as strings with line numbers."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import DataConfig
from steps.step import step
from steps.workspace import workspace


@step
def read_interactions(source: Path, data: DataConfig) -> Annotated[Path, "raw"]:
    out = workspace("artifacts/raw")
    stages.read(out, data=data.model_copy(update={"path": source}))
    return out
