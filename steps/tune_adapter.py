"""Step: the LoRA adapter, tuned on the prompts."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import AdapterConfig
from steps.step import step
from steps.workspace import workspace


@step
def tune_adapter(
    base_model: Path,
    prompts: Path,
    adapter: AdapterConfig,
    seed: int,
    device: str,
    threads: int,
) -> Annotated[Path, "adapter"]:
    out = workspace("artifacts/adapter")
    stages.adapter(
        base_model, prompts, out, adapter=adapter, seed=seed, device=device, threads=threads
    )
    return out
