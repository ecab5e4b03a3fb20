"""LensKit's side of `peers`: its usual pipeline around a scorer, run for all users as a batch."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pipe import Ranking, read_pairs, serve, start


def main() -> None:
    job, answers = start()
    batch, data, parallel, pipeline, training = (
        importlib.import_module(f"lenskit.{name}")
        for name in ("batch", "data", "parallel", "pipeline", "training")
    )
    parallel.initialize(processes=1, threads=1, backend_threads=1)
    folder = Path(job["data"])
    pairs = zip(("user_id", "item_id"), read_pairs(folder / "train.txt"), strict=True)
    train = data.from_interactions_df(pd.DataFrame(dict(pairs)))
    users = np.unique(read_pairs(folder / "test.txt")[0]).tolist()
    module, name = job["model"].split(".")
    scorer = getattr(importlib.import_module(f"lenskit.{module}"), name)
    recommender = pipeline.topn_pipeline(scorer, job["settings"], n=job["places"])

    def rank() -> Any:
        return batch.recommend(recommender, users, job["places"], n_jobs=1)

    def describe(lists: Any) -> Ranking:
        items = np.full((len(lists), job["places"]), -1, np.int32)
        for row, (_, ranked) in enumerate(lists):
            items[row, : len(ranked)] = ranked.ids()
        return Ranking(np.array([key.user_id for key, _ in lists], np.int32), items)

    for _ in serve(answers, rank, describe):
        recommender.train(train, training.TrainingOptions(rng=job["seed"]))


if __name__ == "__main__":
    main()
