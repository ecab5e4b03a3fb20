"""Step: the candidates that may be used, the language model's and the controls'."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import FilterConfig
from llm4idrec.config.recommenders import EASEConfig
from steps.step import step
from steps.workspace import workspace


@step
def filter_candidates(
    train: Path,
    generations: Path,
    controls: Path,
    filter: FilterConfig,
    ease: EASEConfig,
    memory: float,
) -> Annotated[Path, "candidates"]:
    out = workspace("artifacts/candidates")
    stages.filter(train, generations, controls, out, filter=filter, ease=ease, memory=memory)
    return out
