"""Every arm against the original data, for one recommender: choose on validation, test once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.augmentation.arms import ORIGINAL, SELECTION, SELF, final, source_of
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.evaluation import ledger as ledger_of
from llm4idrec.evaluation.arm_tables import present_arms, require_catalogue
from llm4idrec.evaluation.experiment import Experiment, Fit
from llm4idrec.evaluation.ledger import Look
from llm4idrec.evaluation.results import write_results
from llm4idrec.evaluation.selection import ArmChoice, choose_augmentation, next_trials
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import content_hash, replacing_folder, resumable_folder
from llm4idrec.runtime.project import CODE
from llm4idrec.runtime.workers import Run, worker_pool

_Choices = dict[str, ArmChoice]


def evaluate_recommender(experiment: Experiment, out: Path, ledger: Path) -> None:
    """Choose on validation how much each arm adds, then compare that with nothing on the test.

    For validation what generates and the recommender know train only (the replicate `selection`).
    Each arm has the same choice of amounts (`evaluation`) and of orders of candidates
    (`filter.popularity_exponents`); chosen is the smallest amount within one standard error of the
    best `selection_metric` of `selection_seeds` fits. For the test all is trained on what is known
    before it, with `seeds` seeds and as many replicates of what generates as there are. Catalogue,
    users and seen pairs are the original train's; test rankings leave out validation pairs too. The
    arm `self` is what the recommender itself, trained on the original data, finds best.

    Writes into `out`: `per_user.parquet` (variant, seed, user, then a column a metric: the test),
    `validation.parquet` (the same on validation, the selection metric only), `history.parquet`,
    `selection.json`, `summary.json`, and the models of seed 0. Every variant has rows of every
    seed, equal ones where the seed means nothing; an arm that chose amount 0 has none, as it is the
    original. An interrupted call goes on after its last finished fit; neither that nor the number
    of workers changes a result. The look at the test set is recorded in the file `ledger`. Raises
    `InputError` on a file that does not fit the others.
    """
    asked = _with_present_arms(experiment)  # bad input is told before any worker starts
    question = asked.fingerprint()
    with resumable_folder(out, question) as work:
        experiment = replace(asked, fits=work / "fits")
        with worker_pool(experiment.evaluation.workers) as run:
            choices = _run_fits(experiment, run)
        with replacing_folder(out) as folder:
            numbers = write_results(experiment, choices, folder)
            ledger_of.record(ledger, _look(asked, question, numbers))


def _with_present_arms(experiment: Experiment) -> Experiment:
    data, augmented = experiment.inputs.read_data(), experiment.inputs.augmented
    exponents = experiment.filter.popularity_exponents
    _, *controls = present_arms(augmented, experiment.controls, exponents)
    replicates = [SELECTION, *(final(run) for run in range(experiment.runs))]
    require_catalogue(augmented, replicates, data.train)
    device = choose_device(experiment.device).type
    return replace(experiment, controls=tuple(controls), device=device)


def _look(experiment: Experiment, question: str, numbers: Mapping[str, float]) -> Look:
    """What the ledger keeps of an evaluation; `numbers` are those of `summary.json`."""
    sections = ("settings", "evaluation", "filter", "ease")
    settings = {name: getattr(experiment, name).model_dump(mode="json") for name in sections}
    name = f"_{experiment.metric}"
    means = {key.removesuffix(name): value for key, value in numbers.items() if key.endswith(name)}
    return Look(
        test=content_hash(experiment.inputs.heldout / "test.parquet"),
        recommender=experiment.recommender,
        question=question,
        settings=settings | {"controls": experiment.controls, "seed": experiment.seed},
        code=os.environ.get(CODE, ""),
        result={f"{variant} {experiment.metric}": value for variant, value in means.items()},
    )


def _run_fits(experiment: Experiment, run: Run) -> _Choices:
    """Run every fit and test that has no result yet; what each arm chose."""
    with tqdm(unit="fit", desc=experiment.recommender) as progress:
        # Until the amounts are chosen, the total is the most that it can become.
        progress.total = _most_fits(experiment)

        def each(task: str, fits: Sequence[Fit]) -> None:
            for batch in _originals_first(fits):
                for _ in run(getattr(experiment, task), batch):
                    progress.update()

        choices = _select(experiment, partial(each, "select"))
        tests = experiment.comparing(ORIGINAL, ORIGINAL_DATA)
        for arm, choice in choices.items():
            tests += experiment.comparing(arm, choice.chosen) if choice.chosen.amount else []
        progress.total = progress.n + len(set(tests))
        each("test", tests)
    return choices


def _most_fits(experiment: Experiment) -> int:
    """If every arm tries everything, and then adds something."""
    added = [a for a in experiment.augmentations if a.amount]
    candidates = {
        fit
        for arm in experiment.arms
        for augmentation in experiment.augmentations
        for fit in experiment.selecting(arm, augmentation)
    }
    tests = {
        fit for arm in experiment.arms for a in added[-1:] for fit in experiment.comparing(arm, a)
    }
    return len(candidates) + len(tests | set(experiment.comparing(ORIGINAL, ORIGINAL_DATA)))


def _select(experiment: Experiment, fit_all: Callable[[Sequence[Fit]], None]) -> _Choices:
    """Judge amounts and orders, for all arms side by side, until each has chosen."""
    seeds, augmentations = experiment.evaluation.selection_seeds, experiment.augmentations
    judged: dict[str, dict[Augmentation, int]] = {arm: {} for arm in experiment.arms}
    wanted, fitted = {arm: {ORIGINAL_DATA: seeds} for arm in experiment.arms}, set[Fit]()
    while any(wanted.values()):
        fits = {
            fit: None
            for arm, its in wanted.items()
            for augmentation, count in its.items()
            for fit in experiment.selecting(arm, augmentation)[:count]
            if fit not in fitted
        }
        fit_all(list(fits))
        fitted |= set(fits)
        for arm in [arm for arm, its in wanted.items() if its]:  # the others have chosen
            judged[arm] |= wanted[arm]
            wanted[arm] = next_trials(_values(experiment, arm, judged[arm]), augmentations, seeds)
    return {arm: _chosen(_values(experiment, arm, its)) for arm, its in judged.items()}


def _chosen(values: Mapping[Augmentation, FloatArray]) -> ArmChoice:
    scores = {a: values[a].mean(axis=1).tolist() for a in sorted(values)}
    return ArmChoice(scores, choose_augmentation(values))


def _values(
    experiment: Experiment, arm: str, judged: Mapping[Augmentation, int]
) -> dict[Augmentation, FloatArray]:
    """The selection metric of validation users after the fits so far, shape (seeds, users)."""
    return {
        augmentation: np.stack(
            [_valid(experiment, fit) for fit in experiment.selecting(arm, augmentation)[:count]]
        )
        for augmentation, count in judged.items()
    }


def _originals_first(fits: Sequence[Fit]) -> Iterator[list[Fit]]:
    """Each fit once; `self` needs the original's."""
    once = dict.fromkeys(fits)
    yield [fit for fit in once if fit.arm == ORIGINAL]
    yield [fit for fit in once if fit.arm != ORIGINAL and source_of(fit.arm) != SELF]
    yield [fit for fit in once if source_of(fit.arm) == SELF]


def _valid(experiment: Experiment, fit: Fit) -> FloatArray:
    """The selection metric of each validation user after a fit, shape (users,)."""
    table = pq.read_table(experiment.valid_file(fit), columns=[experiment.metric])
    return np.asarray(table[experiment.metric].to_numpy(), np.float64)
