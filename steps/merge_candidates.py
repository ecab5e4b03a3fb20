"""Step: train interactions and accepted candidates in one table; the controls' in another."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from steps.step import step
from steps.workspace import workspace


@step
def merge_candidates(
    train: Path, identifiers: Path, candidates: Path, memory: float
) -> Annotated[Path, "augmented"]:
    out = workspace("artifacts/augmented")
    stages.merge(train, identifiers, candidates, out, memory=memory)
    return out
