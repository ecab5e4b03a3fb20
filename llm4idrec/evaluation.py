"""Original against augmented data, for one recommender: choose on validation, then test once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.config import EvaluationConfig
from llm4idrec.device import choose_device
from llm4idrec.experiment import Data, Experiment, Fit
from llm4idrec.files import fingerprint, move_folder, read_json, resumable_folder, write_json
from llm4idrec.metrics import FloatArray
from llm4idrec.recommenders.config import RecommenderConfig
from llm4idrec.selection import choose_amount
from llm4idrec.workers import Run, worker_pool

VARIANTS = ("original", "augmented")


def evaluate_recommender(
    train_file: Path,
    heldout: Path,
    augmented_file: Path,
    out: Path,
    recommender: str,
    settings: RecommenderConfig,
    evaluation: EvaluationConfig,
    seed: int,
    device: str,
) -> None:
    """Choose on validation how much generated data to add, then compare that with none on test.

    Reads Interactions from `train_file` and from `valid.parquet` and `test.parquet` in `heldout`,
    and from `augmented_file` the columns user, item, origin and share. An amount a stands for the
    original pairs and the generated ones with share <= a. The amount chosen is the
    smallest within one standard error of the best `selection_metric` of `selection_seeds` fits.
    Catalogue, users
    and seen pairs are the original train's; test rankings leave out validation pairs too. A
    recommender to which the seed means nothing has one fit an amount.

    Writes into `out`: `per_user.parquet` (variant, seed, user, then a column a metric),
    `history.parquet`, `selection.json`, `summary.json`, and the models of seed 0. An interrupted
    call goes on after its last finished fit; neither that nor the number of workers changes a
    result. Raises `InputError` on a file that does not fit the others.
    """
    files = (train_file, heldout / "valid.parquet", heldout / "test.parquet", augmented_file)
    device = choose_device(device).type
    inputs = fingerprint(
        *files,
        recommender=recommender,
        settings=settings.model_dump(mode="json"),
        evaluation=evaluation.model_dump(mode="json", exclude={"workers"}),
        seed=seed,
        device=device,
    )
    with resumable_folder(out, inputs) as folder:
        experiment = Experiment(
            train_file=train_file,
            heldout=heldout,
            augmented_file=augmented_file,
            recommender=recommender,
            settings=settings,
            evaluation=evaluation,
            seed=seed,
            device=device,
            fits=folder / "fits",
        )
        Data.read(experiment)  # bad input is told before any worker starts
        with worker_pool(evaluation.workers) as run:
            selection = _run_fits(experiment, run)
        write_json(folder / "selection.json", selection)
        _write_results(experiment, selection["chosen"], folder)
        # At one stroke: half-removed fits would trip a call that goes on after a kill.
        move_folder(experiment.fits, folder / "removed")
        shutil.rmtree(folder / "removed")


def _run_fits(experiment: Experiment, run: Run) -> dict[str, Any]:
    """Run every fit and test that has no result yet; the content of `selection.json`."""
    evaluation = experiment.evaluation
    amounts = sorted({0.0, *evaluation.amounts})
    seeds = experiment.seeds
    selection_seeds = min(evaluation.selection_seeds, seeds)
    candidates = [Fit(a, s) for a in amounts for s in range(selection_seeds)]
    most = len(candidates) + 2 * (seeds - selection_seeds)
    with tqdm(total=most, unit="fit", desc=experiment.recommender) as progress:
        for _ in run(experiment.select, candidates):
            progress.update()
        values = {
            amount: np.stack(
                [_valid(experiment, fit) for fit in candidates if fit.amount == amount]
            )
            for amount in amounts
        }
        chosen = choose_amount(values)
        compared = [Fit(a, s) for a in sorted({0.0, chosen}) for s in range(seeds)]
        rest = [fit for fit in compared if fit not in candidates]
        progress.total = len(candidates) + len(rest)
        for _ in run(experiment.select, rest):
            progress.update()
    for _ in run(experiment.examine, compared):
        pass
    return {
        "metric": experiment.metric,
        "scores": {
            f"{amount:g}": by_seed.mean(axis=1).tolist() for amount, by_seed in values.items()
        },
        "chosen": chosen,
    }


def _valid(experiment: Experiment, fit: Fit) -> FloatArray:
    """The selection metric of each validation user after a fit, shape (users,)."""
    table = pq.read_table(experiment.fits / str(fit) / "valid.parquet")
    return np.asarray(table[experiment.metric].to_numpy(), np.float64)


def _training(experiment: Experiment, fit: Fit) -> dict[str, Any]:
    training: dict[str, Any] = read_json(experiment.fits / str(fit) / "training.json")
    return training


def _write_results(experiment: Experiment, chosen: float, folder: Path) -> None:
    """Gather what the fits left into the tables and models that outlive them."""
    seeds = range(experiment.seeds)
    fits = {
        variant: [Fit(amount, seed) for seed in seeds]
        for variant, amount in zip(VARIANTS, (0.0, chosen), strict=True)
    }
    per_user = pa.concat_tables(
        _test_rows(experiment, fit, variant) for variant in VARIANTS for fit in fits[variant]
    )
    pq.write_table(per_user, folder / "per_user.parquet")
    pq.write_table(_history(experiment), folder / "history.parquet")
    write_json(folder / "summary.json", _summary(experiment, chosen, fits, per_user))
    for variant in VARIANTS:
        model = experiment.fits / str(fits[variant][0]) / "model"
        shutil.copytree(model, folder / "models" / variant, dirs_exist_ok=True)


def _test_rows(experiment: Experiment, fit: Fit, variant: str) -> pa.Table:
    table = pq.read_table(experiment.fits / str(fit) / "test.parquet")
    seed = pa.array(np.full(len(table), fit.seed, np.int32))
    return table.add_column(0, "seed", seed).add_column(
        0, "variant", pa.repeat(variant, len(table))
    )


def _finished(experiment: Experiment) -> list[Fit]:
    """Every fit there is, by amount and seed."""
    amounts = sorted({0.0, *experiment.evaluation.amounts})
    fits = (Fit(a, s) for a in amounts for s in range(experiment.seeds))
    return [fit for fit in fits if (experiment.fits / str(fit)).exists()]


def _history(experiment: Experiment) -> pa.Table:
    """A row a validation: series, step (epoch), loss and the validation means."""
    rows = [
        {"series": str(fit), "step": record["epoch"], "loss": record["loss"], **record["scores"]}
        for fit in _finished(experiment)
        for record in _training(experiment, fit)["records"]
    ]
    return pa.Table.from_pylist(rows)


def _summary(
    experiment: Experiment, chosen: float, fits: dict[str, list[Fit]], per_user: pa.Table
) -> dict[str, float]:
    data = Data.read(experiment)
    numbers = {
        "chosen_amount": chosen,
        "n_users": len(data.test_users),
        "generated_pairs": len(data.training_set(chosen)) - len(data.train),
    }
    for variant in VARIANTS:
        rows = per_user.filter(pc.equal(per_user["variant"], variant))
        for metric in per_user.column_names[3:]:
            numbers[f"{variant}_{metric}"] = pc.mean(rows[metric]).as_py()
        tests = [read_json(experiment.fits / str(fit) / "test.json") for fit in fits[variant]]
        for n in experiment.evaluation.cutoffs:
            key = f"coverage_at_{n}"
            numbers[f"{variant}_{key}"] = float(np.mean([test[key] for test in tests]))
        trained = [_training(experiment, fit) for fit in fits[variant]]
        numbers[f"{variant}_best_epoch"] = float(np.mean([t["best_epoch"] for t in trained]))
    return numbers
