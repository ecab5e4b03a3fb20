"""RecBole's side of `peers`: its own data sets, models and trainers.

What is changed, all at run time and none of it timed:
- `texttable` and `torch.utils.tensorboard`, which only report, are empty modules;
- names that numpy has dropped are there, and so is the `_update` of scipy's `dok_matrix`;
- of a sequential model, which trains on one sample a prefix, an epoch is a few batches, scaled.

Its ranking takes as many scores at once as ours (`frameworks.RecBole`), not its default of 4096.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch

from benchmarks.pipe import Job, Ranking, serve, start

USER, ITEM = "user_id", "item_id"


class Few:
    """The first batches of an epoch, as RecBole's trainer wants its data."""

    def __init__(self, batches: Any, max_batches: int | None) -> None:
        self.shuffle = batches.shuffle
        self._batches = batches
        self._max_batches = max_batches

    def __len__(self) -> int:
        return min(len(self._batches), self._max_batches or len(self._batches))

    def __iter__(self) -> Iterator[Any]:
        return itertools.islice(self._batches, self._max_batches)


def main() -> None:
    job, answers = start()
    sys.argv = sys.argv[:1]  # it would take the rest for settings
    _mend()
    trainer, train, test, tokens = _build(job)

    def rank() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        users, items = [], []
        trainer.model.eval()
        with torch.no_grad():
            for batch in test:
                interaction, scores, *_ = trainer._full_sort_batch_eval(batch)
                users.append(interaction[USER])
                items.append(scores.topk(job["places"]).indices)
        return users, items

    def describe(outcome: tuple[list[torch.Tensor], list[torch.Tensor]]) -> Ranking:
        users, items = (torch.cat(parts).numpy() for parts in outcome)
        own = trainer.evaluate(test, load_best_model=False)
        names = {"recall": "recall", "hr": "hit", "ndcg": "ndcg"}
        cutoff = job["cutoff"]
        figures = {f"{ours}_at_{cutoff}": own[f"{name}@{cutoff}"] for ours, name in names.items()}
        return Ranking(tokens[USER][users], tokens[ITEM][items], figures)

    few = Few(train, job["batches"])
    for epoch in serve(answers, rank, describe, scale=len(train) / len(few)):
        trainer._train_epoch(few, epoch)


def _mend() -> None:
    for name, part in (("texttable", "Texttable"), ("torch.utils.tensorboard", "SummaryWriter")):
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], part, lambda *_: None)
    for old, new in (("float_", np.float64), ("complex_", np.complex128), ("unicode_", np.str_)):
        setattr(np, old, new)
    dok = importlib.import_module("scipy.sparse").dok_matrix
    dok._update = lambda matrix, entries: matrix._dict.update(entries)
    logging.disable(logging.INFO)


def _build(job: Job) -> tuple[Any, Any, Any, dict[str, np.ndarray[Any, np.dtype[np.int32]]]]:
    """Trainer, both loaders, and our numbers of its user and item numbers."""
    settings = job["config"] | {
        "data_path": job["data"],
        "seed": job["seed"],
        "use_gpu": False,
        "show_progress": False,
        "topk": [job["cutoff"]],
        "metrics": ["Recall", "NDCG", "Hit"],
        "valid_metric": f"NDCG@{job['cutoff']}",
    }
    configs, datas, utils = (
        importlib.import_module(f"recbole.{name}") for name in ("config", "data", "utils")
    )
    config = configs.Config(job["model"], "split", config_dict=settings)
    utils.init_seed(job["seed"], True)
    data = datas.create_dataset(config)
    train, _, test = datas.data_preparation(config, data)
    model = utils.get_model(config["model"])(config, train._dataset)
    trainer = utils.get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    trainer.tot_item_num = data.item_num
    tokens = {name: _our_numbers(data.field2id_token[name]) for name in (USER, ITEM)}
    return trainer, train, test, tokens


def _our_numbers(tokens: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    """RecBole's number 0 is padding."""
    return np.array([-1, *(int(token) for token in tokens[1:])], np.int32)


if __name__ == "__main__":
    main()
