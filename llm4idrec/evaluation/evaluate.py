"""Original against augmented data, for one recommender: choose on validation, then test once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.augmentation.controls import SELF
from llm4idrec.evaluation import ledger as ledger_of
from llm4idrec.evaluation.data import Data
from llm4idrec.evaluation.experiment import Experiment, Fit
from llm4idrec.evaluation.ledger import Look
from llm4idrec.evaluation.selection import choose_augmentation
from llm4idrec.metrics.ranking import FloatArray, evaluated_users
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import (
    content_hash,
    read_json,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.runtime.project import CODE
from llm4idrec.runtime.workers import Run, worker_pool

VARIANTS = ("original", "augmented")


def evaluate_recommender(experiment: Experiment, out: Path, ledger: Path) -> None:
    """Choose on validation how much generated data to add, then compare that with none on test.

    Reads Interactions from `train_file` and from `valid.parquet` and `test.parquet` in `heldout`,
    and in `augmented` from `interactions.parquet` the columns user, item, origin,
    popularity_exponent and relative_rank and from `controls.parquet` control and the same but
    origin. There is a choice of amounts (`evaluation`) and of orders of candidates
    (`filter.popularity_exponents`); chosen is the smallest amount within one standard error of the
    best `selection_metric` of `selection_seeds` fits. Catalogue, users and seen pairs are the
    original train's; test rankings leave out validation pairs too. A recommender to which the seed
    means nothing has one fit each.

    The `controls` stand in the language model's place, in the same amount and order, and have no
    part in the choice; at amount 0 there is nothing to stand in for. `self` is what the recommender
    itself, trained on the original data, finds best, through `filter` (and `ease`).

    Writes into `out`: `per_user.parquet` (variant, seed, user, then a column a metric),
    `validation.parquet` (the same of original and augmented data on validation, the selection
    metric only), `history.parquet`, `selection.json`, `summary.json`, and the models of seed 0. An
    interrupted call goes on after its last finished fit; neither that nor the number of workers
    changes a result. The look at the test set is recorded in the file `ledger`. Raises `InputError`
    on a file that does not fit the others.
    """
    data = experiment.read_data()  # bad input is told before any worker starts
    asked = replace(
        experiment,
        controls=tuple(c for c in experiment.controls if c == SELF or c in data.control_names),
        device=choose_device(experiment.device).type,
    )
    question = asked.fingerprint(data)
    with resumable_folder(out, question) as work:
        experiment = replace(asked, fits=work / "fits")
        with worker_pool(experiment.evaluation.workers) as run:
            selection = _run_fits(experiment, run)
        with replacing_folder(out) as folder:
            write_json(folder / "selection.json", selection)
            numbers = _write_results(experiment, selection, data, folder=folder)
            ledger_of.record(ledger, _look(asked, question, numbers))


def _look(experiment: Experiment, question: str, numbers: Mapping[str, float]) -> Look:
    """What the ledger keeps of an evaluation; `numbers` are those of `summary.json`."""
    sections = ("settings", "evaluation", "filter", "ease")
    settings = {name: getattr(experiment, name).model_dump(mode="json") for name in sections}
    means = {name: numbers[f"{name}_{experiment.metric}"] for name in VARIANTS}
    return Look(
        test=content_hash(experiment.heldout / "test.parquet"),
        recommender=experiment.recommender,
        question=question,
        settings=settings | {"controls": experiment.controls, "seed": experiment.seed},
        code=os.environ.get(CODE, ""),
        result={f"{name} {experiment.metric}": value for name, value in means.items()},
    )


def _run_fits(experiment: Experiment, run: Run) -> dict[str, Any]:
    """Run every fit and test that has no result yet; the content of `selection.json`."""
    evaluation, seeds = experiment.evaluation, range(experiment.seeds)
    augmentations = experiment.augmentations
    candidates = [Fit(a, s) for a in augmentations for s in seeds[: evaluation.selection_seeds]]
    with tqdm(unit="fit", desc=experiment.recommender) as progress:

        def select(fits: Sequence[Fit]) -> None:
            for _ in run(experiment.select, fits):
                progress.update()

        # Until the amount is chosen, the total is the most that it can become.
        progress.total = len(
            set(candidates).union(*_compared(experiment, augmentations[-1]).values())
        )
        select(candidates)
        values = {
            augmentation: np.stack(
                [_valid(experiment, fit) for fit in candidates if fit.augmentation == augmentation]
            )
            for augmentation in augmentations
        }
        chosen = choose_augmentation(values)
        compared = [fit for fits in _compared(experiment, chosen).values() for fit in fits]
        rest = [fit for fit in dict.fromkeys(compared) if fit not in candidates]
        progress.total = len(candidates) + len(rest)
        select([fit for fit in rest if fit.control is None])
        select([fit for fit in rest if fit.control is not None])  # `self` needs the original's
    for _ in run(experiment.test, list(dict.fromkeys(compared))):
        pass
    return {
        "metric": experiment.metric,
        "scores": [
            {**augmentation._asdict(), "by_seed": by_seed.mean(axis=1).tolist()}
            for augmentation, by_seed in values.items()
        ],
        "chosen": chosen._asdict(),
    }


def _compared(experiment: Experiment, chosen: Augmentation) -> dict[str, list[Fit]]:
    """The fits of each variant that the test compares; at amount 0 there are no controls."""
    seeds = range(experiment.seeds)
    both = {
        variant: [Fit(augmentation, seed) for seed in seeds]
        for variant, augmentation in zip(VARIANTS, (ORIGINAL_DATA, chosen), strict=True)
    }
    controls = experiment.controls if chosen.amount else ()
    fewer = seeds[: experiment.evaluation.control_seeds]
    return both | {name: [Fit(chosen, seed, name) for seed in fewer] for name in controls}


def _valid(experiment: Experiment, fit: Fit) -> FloatArray:
    """The selection metric of each validation user after a fit, shape (users,)."""
    table = pq.read_table(experiment.fits / str(fit) / "valid.parquet")
    return np.asarray(table[experiment.metric].to_numpy(), np.float64)


def _training(experiment: Experiment, fit: Fit) -> dict[str, Any]:
    training: dict[str, Any] = read_json(experiment.fits / str(fit) / "training.json")
    return training


def _write_results(
    experiment: Experiment, selection: dict[str, Any], data: Data, *, folder: Path
) -> dict[str, float]:
    """Gather what the fits left into the tables and models that outlive them."""
    chosen = Augmentation(**selection["chosen"])
    fits = _compared(experiment, chosen)
    per_user = pa.concat_tables(
        _test_rows(experiment, fit, variant) for variant in fits for fit in fits[variant]
    )
    pq.write_table(per_user, folder / "per_user.parquet")
    pq.write_table(_validation(experiment, fits, data), folder / "validation.parquet")
    pq.write_table(_history(experiment, fits), folder / "history.parquet")
    numbers = {f"chosen_{name}": value for name, value in selection["chosen"].items()}
    numbers["n_users"] = len(data.test_users)
    numbers |= _summary(experiment, fits, per_user)
    write_json(folder / "summary.json", numbers)
    for variant in VARIANTS:
        model = experiment.fits / str(fits[variant][0]) / "model"
        shutil.copytree(model, folder / "models" / variant)
    return numbers


def _test_rows(experiment: Experiment, fit: Fit, variant: str) -> pa.Table:
    table = pq.read_table(experiment.fits / str(fit) / "test.parquet")
    return _labelled(table, fit, variant)


def _validation(experiment: Experiment, fits: dict[str, list[Fit]], data: Data) -> pa.Table:
    """What may tell two adapters apart, because it is not the test: no controls."""
    users = evaluated_users(data.train, data.valid)
    return pa.concat_tables(
        _labelled(
            pa.table({"user": users, experiment.metric: _valid(experiment, fit)}), fit, variant
        )
        for variant in VARIANTS
        for fit in fits[variant]
    )


def _labelled(table: pa.Table, fit: Fit, variant: str) -> pa.Table:
    """The rows of a fit behind the columns variant and seed."""
    seed = pa.array(np.full(len(table), fit.seed, np.int32))
    return table.add_column(0, "seed", seed).add_column(
        0, "variant", pa.repeat(variant, len(table))
    )


def _history(experiment: Experiment, fits: dict[str, list[Fit]]) -> pa.Table:
    """A row a validation of every fit there is: series, step (epoch), loss and the means."""
    every = [Fit(a, s) for a in experiment.augmentations for s in range(experiment.seeds)]
    every += [fit for name in fits if name not in VARIANTS for fit in fits[name]]
    rows = [
        {"series": str(fit), "step": record["epoch"], "loss": record["loss"], **record["scores"]}
        for fit in every
        if (experiment.fits / str(fit)).exists()
        for record in _training(experiment, fit)["records"]
    ]
    return pa.Table.from_pylist(rows)


def _summary(
    experiment: Experiment, fits: dict[str, list[Fit]], per_user: pa.Table
) -> dict[str, float]:
    """The means of each variant over users and seeds, and the pairs that were added for it."""
    numbers: dict[str, float] = {}
    for variant, its in fits.items():
        trained = [_training(experiment, fit) for fit in its]
        if variant != "original":
            added = float(np.mean([training["generated_pairs"] for training in trained]))
            key = "generated_pairs" if variant == "augmented" else f"{variant}_generated_pairs"
            numbers[key] = int(added) if added.is_integer() else added
        if variant not in VARIANTS:
            numbers[f"{variant}_seeds"] = len(its)
        rows = per_user.filter(pc.equal(per_user["variant"], variant))
        for metric in per_user.column_names[3:]:
            numbers[f"{variant}_{metric}"] = pc.mean(rows[metric]).as_py()
        tests = [read_json(experiment.fits / str(fit) / "test.json") for fit in its]
        for key in tests[0]:
            numbers[f"{variant}_{key}"] = float(np.mean([test[key] for test in tests]))
        numbers[f"{variant}_best_epoch"] = float(np.mean([t["best_epoch"] for t in trained]))
    return numbers
