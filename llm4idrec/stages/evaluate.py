"""A recommender on original data, on augmented data and on the controls'."""

from __future__ import annotations

from llm4idrec.artifacts import AUGMENTED, EVALUATION, HELDOUT, INTERACTIONS, LEDGER, TRAIN, Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def evaluate(files: Files, config: Config) -> None:
    """A recommender on original, augmented and the controls' data -> its metrics for each user.

    They are in `per_user.parquet`, and summaries beside it.
    """
    from llm4idrec.evaluation.evaluate import evaluate_recommender
    from llm4idrec.evaluation.experiment import Experiment

    (recommender,) = config.recommenders
    experiment = Experiment(
        train_file=files[TRAIN] / INTERACTIONS,
        heldout=files[HELDOUT],
        augmented=files[AUGMENTED],
        recommender=recommender,
        settings=config.settings(recommender),
        evaluation=config.evaluation,
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
    reads=(TRAIN, HELDOUT, AUGMENTED),
    writes=(EVALUATION, LEDGER),
    params=("{recommender}", "evaluation", "ease", "controls", "seed", "device"),
    tuned=("filter", "evaluation.amounts"),
    each="recommenders",
)
