"""SELFRec's side of `peers`: its own classes, trained by their own `train` methods.

What is changed, all at run time and none of it timed:
- `.cuda()` of tensors and modules does nothing, and faiss clusters without a GPU;
- the model's training loop runs over `serve` in place of `range(self.maxEpoch)`, so that it stands
  still between epochs until the next is wanted;
- `fast_evaluation` does nothing, so that an epoch is training alone; `test` ranks when wanted.
"""

from __future__ import annotations

import builtins
import importlib
import json
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pipe import Job, Ranking, serve, start

Lists = dict[str, list[tuple[str, float]]]


class _Epochs(int):
    """The model's `maxEpoch`, told apart from every other number given to `range`."""


def main() -> None:
    job, answers = start()
    sys.path.insert(0, job["checkout"])
    _without_cuda()
    model = _build(job)
    evaluate = importlib.import_module("util.evaluation").ranking_evaluation

    def describe(lists: Lists) -> Ranking:
        printed = evaluate(model.data.test_set, lists, [job["cutoff"]])
        figures = {name: float(value) for name, value in (line.split(":") for line in printed[1:])}
        names = {"recall": "Recall", "hr": "Recall", "ndcg": "NDCG"}  # its hit ratio is another
        own = {f"{ours}_at_{job['cutoff']}": figures[name] for ours, name in names.items()}
        return _numbers(lists, job["places"], own)

    def epochs(*bounds: Any) -> Iterator[int] | range:
        if isinstance(bounds[0], _Epochs):
            return serve(answers, model.test, describe, first_epoch=job["first_epoch"])
        return builtins.range(*bounds)

    model.maxEpoch = _Epochs()
    model.fast_evaluation = lambda epoch: None
    model.best_user_emb = model.best_item_emb = None  # taken after the last epoch
    sys.modules[type(model).__module__].__dict__["range"] = epochs
    model.train()


def _build(job: Job) -> Any:
    """The model of `job["conf"]`, with its data read and its weights drawn."""
    torch.manual_seed(job["seed"])
    random.seed(job["seed"])
    np.random.seed(job["seed"])
    Path("conf.yaml").write_text(json.dumps(job["conf"]), encoding="utf-8")  # JSON is YAML
    conf = importlib.import_module("util.conf").ModelConf("conf.yaml")
    kind, name = conf["model"]["type"], conf["model"]["name"]
    load = importlib.import_module("data.loader").FileIO.load_data_set
    train, test = load(conf["training.set"], kind), load(conf["test.set"], kind)
    model = getattr(importlib.import_module(f"model.{kind}.{name}"), name)(conf, train, test)
    model.build()
    return model


def _without_cuda() -> None:
    def stay(thing: Any, *_: Any, **__: Any) -> Any:
        return thing

    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = stay  # type: ignore[assignment]
    with suppress(ImportError):  # only NCL asks for it
        faiss: Any = importlib.import_module("faiss")
        faiss.Kmeans = lambda d, k, gpu, kmeans=faiss.Kmeans: kmeans(d=d, k=k)


def _numbers(lists: Lists, k: int, own: dict[str, float]) -> Ranking:
    items = np.full((len(lists), k), -1, np.int32)
    for row, ranked in enumerate(lists.values()):
        items[row, : len(ranked)] = [int(item) for item, _ in ranked]
    return Ranking(np.array([int(user) for user in lists], np.int32), items, own)


if __name__ == "__main__":
    main()
