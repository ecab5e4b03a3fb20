"""Step: the items that others propose in the language model's place."""

from pathlib import Path
from typing import Annotated, Any

from llm4idrec import stages
from llm4idrec.config.recommenders import SETTINGS
from steps.step import step
from steps.workspace import workspace


@step
def fit_controls(
    train: Path,
    controls: list[str],
    items: int,
    settings: dict[str, dict[str, Any]],
    seed: int,
    device: str,
    threads: int,
    memory: float,
) -> Annotated[Path, "controls"]:
    out = workspace("artifacts/controls")
    stages.controls(
        train,
        out,
        controls=controls,
        items=items,
        settings={name: SETTINGS[name].model_validate(keys) for name, keys in settings.items()},
        seed=seed,
        device=device,
        threads=threads,
        memory=memory,
    )
    return out
