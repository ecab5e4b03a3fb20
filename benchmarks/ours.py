"""Our side of `peers`: trains and ranks with a recommender of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipe import Ranking, serve, start
from llm4idrec.data.holdout import TRAIN, leave_last_out, random_shares
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.metrics.ranking import evaluated_users
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.training import Trained
from llm4idrec.recommenders.validation import Validation

VALIDATION_SHARE = 0.1


def main() -> None:
    job, answers = start()
    data = Path(job["data"])
    train = Interactions.read(data / "train.parquet")
    users = evaluated_users(train, Interactions.read(data / "test.parquet"))
    kind = RECOMMENDERS[job["model"]]
    recommender = kind(kind.settings_type.model_validate(job["settings"]), job["seed"])
    own: dict[str, float] = {}
    if job["unit"] == "epoch":
        if not isinstance(recommender, Trained):
            raise TypeError(f"{job['model']} is not trained by epochs, expected one that is")
        recommender.start(train)

    def learn() -> None:
        if not isinstance(recommender, Trained) or job["unit"] == "fit":
            recommender.fit(train)
        elif job["unit"] == "epoch":
            recommender.train_epoch()
        else:
            own["epoch"] = _fit(recommender, train, metric=job["metric"], cutoff=job["cutoff"])

    def rank() -> IntArray:
        return recommender.recommend(users, job["places"], train)

    for _ in serve(answers, rank, lambda items: Ranking(users, items, own)):
        learn()


def _fit(recommender: Trained, train: Interactions, *, metric: str, cutoff: int) -> int:
    """Train on the whole of `train` for as many epochs as validation, carved from it, wants."""
    rng = np.random.default_rng(recommender.seed)
    line = np.arange(len(train))
    part = (
        random_shares(train.user, VALIDATION_SHARE, 0, rng=rng)
        if train.timestamp is None
        else leave_last_out(train.user, train.timestamp, line, test=False)
    )
    rest, held = _rows(train, part == TRAIN), _rows(train, part != TRAIN)
    training = recommender.fit(rest, Validation(held, rest, (cutoff,), metric))
    recommender.fit(train, epochs=training.best_epoch)
    return training.best_epoch


def _rows(table: Interactions, rows: Any) -> Interactions:
    time = None if table.timestamp is None else table.timestamp[rows]
    return Interactions(table.user[rows], table.item[rows], table.n_users, table.n_items, time)


if __name__ == "__main__":
    main()
