"""The filter that is best for a recommender, by validation."""

from __future__ import annotations

from llm4idrec.artifacts import (
    HELDOUT,
    INTERACTIONS,
    REPLICATES,
    SETTINGS,
    TRAIN,
    TUNING,
    TUNING_PAGE,
    Files,
)
from llm4idrec.augmentation.arms import SELECTION
from llm4idrec.config import Config, EvaluationConfig, FilterConfig, TuneConfig
from llm4idrec.data.protocol import lists_taken
from llm4idrec.stages.stage import Stage, keys_of


def tune(files: Files, config: Config) -> None:
    """Generations, and trainings with settings of the filter -> the best one as parameters."""
    from llm4idrec.report.tuning_page import write_tuning_page
    from llm4idrec.runtime.device import choose_device
    from llm4idrec.tuning.filter_tuning import FilterTuning
    from llm4idrec.tuning.study import search_filter
    from llm4idrec.tuning.trials import PARAMS

    train, heldout = files[TRAIN], files[HELDOUT]
    (recommender,) = config.recommenders
    tuning = FilterTuning(
        train_file=train / INTERACTIONS,
        valid_file=heldout / "valid.parquet",
        generations=files[REPLICATES] / SELECTION / "generations",
        recommender=recommender,
        settings=config.with_settings(files[SETTINGS]).settings(recommender),
        evaluation=config.evaluation,
        filter=config.filter,
        seed=config.seed,
        device=choose_device(config.device).type,
    )
    views, samples = config.generation.asked(lists_taken(config.lists, train))
    ends = tuple(min(end, views * samples) for end in config.tune.min_votes)  # all there can be
    search = config.tune.model_copy(update={"min_votes": ends})
    found = search_filter(tuning, search, files[TUNING])
    write_tuning_page(
        files[TUNING_PAGE],
        found.trials,
        tuning,
        importances=found.importances,
        dataset=config.dataset,
        params=files[TUNING] / PARAMS,
    )


STAGE = Stage(
    tune,
    reads=(TRAIN, HELDOUT, SETTINGS, REPLICATES),
    writes=(TUNING, TUNING_PAGE),
    params=(
        "{recommender}",
        "generation",
        "lists",
        *keys_of(EvaluationConfig, "evaluation", but={"workers"}),
        *keys_of(FilterConfig, "filter", but={"source"}),
        *keys_of(TuneConfig, "tune", but={"recommenders", "workers"}),
        "seed",
        "device",
        "dataset",
    ),
    each="tune.recommenders",
    on_demand=True,
)
