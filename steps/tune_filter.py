"""Step: the filter that is best for a recommender, by validation."""

from pathlib import Path
from typing import Annotated, Any

from llm4idrec.config import EvaluationConfig, FilterConfig, TuneConfig
from llm4idrec.config.recommenders import SETTINGS, EASEConfig
from steps.step import step
from steps.workspace import workspace


@step
def tune_filter(
    train: Path,
    heldout: Path,
    generations: Path,
    recommender: str,
    settings: dict[str, Any],
    evaluation: EvaluationConfig,
    filter: FilterConfig,
    ease: EASEConfig,
    tune: TuneConfig,
    seed: int,
    device: str,
    dataset: str,
) -> tuple[Annotated[Path, "tuning"], Annotated[Path, "tuning_page"]]:
    from llm4idrec.runtime.device import choose_device
    from llm4idrec.tuning.filter_tuning import FilterTuning
    from llm4idrec.tuning.study import search_filter

    tuning = FilterTuning(
        train_file=train / "interactions.parquet",
        valid_file=heldout / "valid.parquet",
        generations=generations,
        recommender=recommender,
        settings=SETTINGS[recommender].model_validate(settings),
        evaluation=evaluation,
        filter=filter,
        ease=ease,
        seed=seed,
        device=choose_device(device).type,
    )
    out = workspace(f"artifacts/tuning/{recommender}")
    page = workspace(f"reports/tuning/{recommender}.html")
    search_filter(tuning, tune, out, page, dataset)
    return out, page
