"""A recommender on original data, and on what each arm adds to them."""

from __future__ import annotations

from llm4idrec.artifacts import (
    AUGMENTED,
    EVALUATION,
    HELDOUT,
    KNOWN,
    LEDGER,
    REPLICATES,
    SETTINGS,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def evaluate(files: Files, config: Config) -> None:
    """A recommender on original data and on every arm's -> its metrics for each user.

    They are in `per_user.parquet`, and summaries beside it.
    """
    from llm4idrec.evaluation.evaluate import evaluate_recommender
    from llm4idrec.evaluation.experiment import Experiment, Inputs

    (recommender,) = config.recommenders
    config = config.with_settings(files[SETTINGS])
    experiment = Experiment(
        Inputs(*(files[name] for name in (TRAIN, KNOWN, HELDOUT, AUGMENTED, REPLICATES))),
        recommender=recommender,
        settings=config.settings(recommender),
        evaluation=config.evaluation,
        runs=config.replicates.runs,
        filter=config.filter,
        ease=config.ease,
        controls=config.controls,
        seed=config.seed,
        device=config.device,
    )
    with costing(files[EVALUATION]):
        evaluate_recommender(experiment, files[EVALUATION], files[LEDGER])


STAGE = Stage(
    evaluate,
    reads=(TRAIN, KNOWN, HELDOUT, AUGMENTED, REPLICATES, SETTINGS),
    writes=(EVALUATION, LEDGER),
    params=(
        "{recommender}",
        "evaluation",
        "ease",
        "controls",
        "replicates.runs",
        "seed",
        "device",
    ),
    tuned=("filter", "evaluation.amounts"),
    each="recommenders",
)
