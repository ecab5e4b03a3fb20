"""Step: train, held-out interactions and the identifiers behind their numbers."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import DataConfig, SplitConfig
from steps.step import step
from steps.workspace import workspace


@step
def split_interactions(
    raw: Path, data: DataConfig, split: SplitConfig, seed: int
) -> tuple[Annotated[Path, "train"], Annotated[Path, "heldout"], Annotated[Path, "identifiers"]]:
    train, heldout = workspace("artifacts/train"), workspace("artifacts/heldout")
    identifiers = workspace("artifacts/identifiers")
    stages.split(raw, train, heldout, identifiers, data=data, split=split, seed=seed)
    return train, heldout, identifiers
