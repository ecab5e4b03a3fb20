"""The settings of the recommenders that are best on the original data, by validation."""

from __future__ import annotations

from llm4idrec.artifacts import HELDOUT, INTERACTIONS, SETTINGS, TRAIN, Files
from llm4idrec.config import Config, TuneRecommendersConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage, keys_of


def tune_recommenders(files: Files, config: Config) -> None:
    """Trainings on the original data -> the best settings of each recommender, `NAME.json`.

    Original data, augmented data and controls are then all trained with them.
    """
    from llm4idrec.augmentation.left_out import why_left_out
    from llm4idrec.runtime.device import choose_device
    from llm4idrec.tuning.settings_search import search_settings
    from llm4idrec.tuning.settings_tuning import SettingsTuning

    train_file = files[TRAIN] / INTERACTIONS
    train = Interactions.read(train_file)
    tunings = [
        SettingsTuning(
            train_file=train_file,
            valid_file=files[HELDOUT] / "valid.parquet",
            recommender=name,
            section=config.settings(name),
            metric=config.evaluation.metric,
            cutoff=max(config.evaluation.cutoffs),
            seed=config.seed,
            device=choose_device(config.device).type,
        )
        for name in config.searched_recommenders
        if name in config.recommenders or not why_left_out(name, train)
    ]
    with costing(files[SETTINGS]):
        search_settings(tunings, config.tune_recommenders, files[SETTINGS])


STAGE = Stage(
    tune_recommenders,
    reads=(TRAIN, HELDOUT),
    writes=(SETTINGS,),
    params=(
        "recommenders",
        "controls",
        "evaluation.selection_metric",
        "evaluation.cutoffs",
        *keys_of(TuneRecommendersConfig, "tune_recommenders", but={"workers"}),
        "seed",
        "device",
    ),
    sections="tune_recommenders.names",
)
