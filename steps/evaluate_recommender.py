"""Step: one recommender on original data, on augmented data and on the controls'."""

from pathlib import Path
from typing import Annotated, Any

from llm4idrec import stages
from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import SETTINGS, EASEConfig
from steps.step import step
from steps.workspace import workspace


@step
def evaluate_recommender(
    train: Path,
    heldout: Path,
    augmented: Path,
    recommender: str,
    settings: dict[str, Any],
    evaluation: EvaluationConfig,
    filter: FilterConfig,
    ease: EASEConfig,
    controls: list[str],
    seed: int,
    device: str,
) -> Annotated[Path, "evaluation"]:
    out = workspace(f"artifacts/evaluation/{recommender}")
    stages.evaluate(
        train,
        heldout,
        augmented,
        out,
        recommender=recommender,
        settings=SETTINGS[recommender].model_validate(settings),
        evaluation=evaluation,
        filter=filter,
        ease=ease,
        controls=controls,
        seed=seed,
        device=device,
    )
    return out
