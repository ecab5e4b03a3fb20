"""Step: the causal language model under the adapter."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import BaseModelConfig, ListsConfig
from steps.step import step
from steps.workspace import workspace


@step
def make_base_model(
    train: Path,
    base_model: BaseModelConfig,
    lists: ListsConfig,
    seed: int,
    device: str,
    threads: int,
) -> Annotated[Path, "base_model"]:
    out = workspace("artifacts/base_model")
    stages.base_model(
        train,
        out,
        base_model=base_model,
        lists=lists,
        seed=seed,
        device=device,
        threads=threads,
    )
    return out
