"""A command that a test stops: trainings by programs that write who they are, and take long."""

from __future__ import annotations

import sys

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

from functools import partial

import numpy as np

from llm4idrec.config.own import OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.own.recommender import OwnRecommender
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.workers import worker_pool

COMMAND = "echo $$ > program-$$; timeout 60 sleep 60; touch {data} {out}"


def train(seed: int) -> None:
    recommender = OwnRecommender(OwnConfig(command=COMMAND, seeded=False), seed)
    recommender.fit(Interactions(np.array([0]), np.array([0]), 1, 1))


def train_twice(workers: int) -> None:
    from tests.llm4idrec.own import stopped  # workers know modules, not who started them

    with worker_pool(workers) as run:
        list(run(stopped.train, range(2)))


if __name__ == "__main__":
    command_line.end(lambda: exit_code(partial(train_twice, int(sys.argv[1])), debug=False))
