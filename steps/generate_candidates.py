"""Step: items that the tuned model proposes for each user."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import GenerationConfig, ListsConfig
from steps.step import step
from steps.workspace import workspace


@step
def generate_candidates(
    train: Path,
    base_model: Path,
    adapter: Path,
    generation: GenerationConfig,
    lists: ListsConfig,
    seed: int,
    device: str,
    threads: int,
) -> Annotated[Path, "generations"]:
    out = workspace("artifacts/generations")
    stages.generate(
        train,
        base_model,
        adapter,
        out,
        generation=generation,
        lists=lists,
        seed=seed,
        device=device,
        threads=threads,
    )
    return out
