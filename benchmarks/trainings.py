"""A recommender trained with many seeds on the bundled data as they are, for `null`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.artifacts import HELDOUT, INTERACTIONS, TRAIN
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.flow import run_stage
from llm4idrec.metrics.ranking import FloatArray, evaluated_users, user_metrics
from llm4idrec.recommenders.registry import new_recommender
from llm4idrec.recommenders.validation import Validation
from llm4idrec.runtime.files import replacing_file
from llm4idrec.runtime.workers import worker_pool
from llm4idrec.stages import STAGES

PARAMS = Path(__file__).parents[1] / "params.yaml"


def trained(recommender: str, trainings: int, *, out: Path, workers: int) -> FloatArray:
    """The test's selection metric by training and user, shape (trainings, users); what lies in
    `out` already is not trained again."""
    config = Config.read(PARAMS)
    data = config.data.model_copy(update={"path": PARAMS.parent / config.data.path})
    if not (out / "heldout").is_dir():
        run_stage(STAGES["prepare"], config.model_copy(update={"data": data}), out)
    train = partial(_train, out=out, recommender=recommender)
    with worker_pool(workers) as run:
        for done in run(train, range(trainings)):
            print(f"{recommender}, training {done}", flush=True)
    files = [out / recommender / f"{seed}.parquet" for seed in range(trainings)]
    return np.stack([pq.read_table(file)[0].to_numpy() for file in files])


def _train(seed: int, *, out: Path, recommender: str) -> int:
    file = out / recommender / f"{seed}.parquet"
    if file.exists():
        return seed
    config = Config.read(PARAMS)
    train = Interactions.read(out / TRAIN.name / INTERACTIONS)
    valid, test = (
        Interactions.read(out / HELDOUT.name / f"{part}.parquet") for part in ("valid", "test")
    )
    cutoffs, metric = config.evaluation.cutoffs, config.evaluation.metric
    settings = config.settings(recommender)
    model = new_recommender(recommender, settings, seed=config.seed, nth=seed, device="cpu")
    model.fit(train, Validation(valid, train, cutoffs, metric))
    known = valid.item < train.n_items
    users, seen = evaluated_users(train, test), train.union(valid.user[known], valid.item[known])
    ranked = model.recommend(users, max(cutoffs), seen)
    values = user_metrics(ranked, users, test, cutoffs=cutoffs)[metric]
    file.parent.mkdir(exist_ok=True)
    with replacing_file(file) as partial_file:
        pq.write_table(pa.table({metric: values}), partial_file)
    return seed
