"""implicit's side of `peers`: its models for the CPU, with nothing changed."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.pipe import IntArray, Ranking, read_pairs, serve, start


def main() -> None:
    job, answers = start()
    data = Path(job["data"])
    pairs = read_pairs(data / "train.txt")
    taken = csr_matrix((np.ones(len(pairs[0]), np.float32), pairs))
    users = np.unique(read_pairs(data / "test.txt")[0])
    module, name = job["model"].split(".")
    kind = getattr(importlib.import_module(f"implicit.cpu.{module}"), name)

    def rank() -> IntArray:
        items, _ = model.recommend(users, taken[users], N=job["places"])
        return np.asarray(items, np.int32)

    for _ in serve(answers, rank, lambda items: Ranking(users, items)):
        model = kind(**job["settings"], num_threads=1, random_state=job["seed"])
        model.fit(taken, show_progress=False)


if __name__ == "__main__":
    main()
