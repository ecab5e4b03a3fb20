"""Step: the prompts that the adapter is tuned on."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import ListsConfig, PromptsConfig
from steps.step import step
from steps.workspace import workspace


@step
def build_prompts(
    train: Path, prompts: PromptsConfig, lists: ListsConfig, seed: int
) -> Annotated[Path, "prompts"]:
    out = workspace("artifacts/prompts")
    stages.prompts(train, out, prompts=prompts, lists=lists, seed=seed)
    return out
