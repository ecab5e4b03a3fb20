"""Step: the generated candidates that may be used."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import FilterConfig
from steps.step import step
from steps.workspace import workspace


@step
def filter_candidates(
    train: Path, generations: Path, filter: FilterConfig
) -> Annotated[Path, "candidates"]:
    out = workspace("artifacts/candidates")
    stages.filter(train, generations, out, filter=filter)
    return out
