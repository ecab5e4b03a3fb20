"""Optuna's side of tuning the filter: what is proposed, where it is kept, who is at work on it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel
from scipy.stats.qmc import Halton
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from llm4idrec.config import TuneConfig
from llm4idrec.config.recommenders import TrainedConfig
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.runtime.files import costing, fingerprint, replacing_folder, resumable_folder
from llm4idrec.runtime.workers import Run, worker_pool
from llm4idrec.tuning.filter_tuning import FilterChoice, FilterTuning, require_in_range
from llm4idrec.tuning.trials import Outcome, Trial, write_trials

STORAGE = "LLM4IDREC_STUDIES"
"""Environment variable: the URL of a database that several machines share. It may hold a password
and so does not stand in `params.yaml`. Unset: a journal file in the study's folder."""
BY_SEED, PRUNED, FAILED, OWNER = "by_seed", "pruned", "failed", "owner"
_SPREAD = 10  # trials before those that go by what the others gave
_UNPRUNED = 5  # complete trials before any is pruned
_SEED_STEPS = 10_000  # more than a training has validations, so that a step is of one seed

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Study:
    """A search for the best filter; plain data, which each worker process opens anew.

    Trials are proposed in rounds of `config.together`, and what they gave is told, in order, when
    all have their outcome; a proposal draws from a generator of its own, seeded by its number. So
    neither the number of workers nor an interruption shapes the result. Where several machines work
    at a study in one database, the order in which they get their trials does.
    """

    name: str
    tuning: FilterTuning
    config: TuneConfig
    folder: Path
    """Where the journal file is."""

    def run(self) -> list[FrozenTrial]:
        """Go on where an interrupted call ended, until all trials are finished; these, in order.

        A worker that is killed is replaced, as `worker_pool` does.
        """
        study = self._create()
        with (
            tqdm(total=self.config.trials, unit="trial", desc=self.name) as progress,
            worker_pool(self.config.workers) as run,
        ):
            self._run_rounds(study, run, progress)
        return self._finished(study)

    def train(self, number: int) -> None:
        """Train a trial, in any process, and leave its outcome in the storage."""
        study = optuna.load_study(
            study_name=self.name, storage=self._storage(), pruner=self._pruner()
        )
        frozen = _frozen(study, number)
        trial = optuna.Trial(study, frozen._trial_id)
        last = max(frozen.intermediate_values, default=-1)

        def watch(seed: int, validation: int, score: float) -> None:
            step = _SEED_STEPS * seed + validation
            if step < last:  # a worker that was killed came farther, so was not pruned here
                return
            if step > last:
                trial.report(score, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            trial.set_user_attr(BY_SEED, self.tuning.validate(FilterChoice(**trial.params), watch))
        except optuna.TrialPruned:
            trial.set_user_attr(PRUNED, True)
        except DivergenceError as error:
            trial.set_user_attr(FAILED, str(error))

    def _run_rounds(self, study: optuna.Study, run: Run, progress: tqdm) -> None:  # type: ignore[type-arg]
        progress.n = sum(_has_outcome(trial) for trial in study.get_trials(deepcopy=False))
        progress.refresh()
        while numbers := self._round(study):
            trials = study.get_trials(deepcopy=False)
            for _ in run(self.train, [n for n in numbers if not _has_outcome(trials[n])]):
                progress.update()
            for number in numbers:
                _tell(study, number)

    def _finished(self, study: optuna.Study) -> list[FrozenTrial]:
        """All trials, once other machines have finished theirs."""
        told = False
        while True:
            trials = study.get_trials()[: self.config.trials]
            others = [t for t in trials if not t.state.is_finished()]
            if not others:
                return trials
            if not told:
                names = ", ".join(f"{t.number} ({t.user_attrs.get(OWNER)})" for t in others)
                print(f"waiting for trials at work elsewhere: {names}", file=sys.stderr)
                told = True
            time.sleep(1)

    def _round(self, study: optuna.Study) -> list[int]:
        """This machine's open trials, which an interrupted call may have left, up to a full round;
        none once there are enough."""
        trials = [t for t in study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]
        numbers = [t.number for t in trials if t.state == TrialState.RUNNING and self._own(t)]
        started = len(trials)
        for number in numbers:
            self._propose(study, optuna.Trial(study, _frozen(study, number)._trial_id))
        while started < self.config.trials and (not numbers or started % self.config.together):
            trial = study.ask()
            if trial.number >= self.config.trials:  # another machine was faster
                study.tell(trial, state=TrialState.FAIL)
                break
            trial.set_user_attr(OWNER, _machine())
            self._propose(study, trial)
            numbers.append(trial.number)
            started += 1
        return numbers

    def _propose(self, study: optuna.Study, trial: optuna.Trial) -> None:
        """Draw the parameters that the trial does not have yet."""
        seed = np.random.SeedSequence((self.tuning.seed, trial.number)).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(
            seed=int(seed), multivariate=True, constant_liar=True, n_startup_trials=1
        )
        for name, distribution in self._space().items():
            trial._suggest(name, distribution)

    def _create(self) -> optuna.Study:
        """Make the study, or find it, with the trials that do not go by what others gave."""
        if self._journal.is_file():
            _cut_half_line(self._journal)
        study = optuna.create_study(
            study_name=self.name, storage=self._storage(), direction="maximize", load_if_exists=True
        )
        for choice in self._first_choices():
            study.enqueue_trial(choice._asdict(), skip_if_exists=True)
        return study

    def _first_choices(self) -> list[FilterChoice]:
        """Nothing added, what the section `filter` says, and points spread over the ranges."""
        choices, space = self.tuning.defaults(), self._space()
        require_in_range(choices, self.config)
        more = max(0, max(_SPREAD, self.config.together) - len(choices))
        for point in Halton(len(space), seed=self.tuning.seed).random(more):
            values = {
                name: distribution.low + share * (distribution.high - distribution.low)
                for share, (name, distribution) in zip(point.tolist(), space.items(), strict=True)
            }
            choices.append(FilterChoice(**values | {"min_votes": round(values["min_votes"])}))
        return choices[: self.config.trials]

    def _space(self) -> dict[str, FloatDistribution | IntDistribution]:
        config = self.config
        return {
            "amount": FloatDistribution(*config.amount),
            "min_votes": IntDistribution(*config.min_votes),
            "least_probable": FloatDistribution(*config.least_probable),
            "popularity_exponent": FloatDistribution(*config.popularity_exponent),
        }

    def _pruner(self) -> optuna.pruners.BasePruner:
        """Prunes below the median, but for as many validations as early stopping would wait."""
        settings = self.tuning.settings
        wait = settings.patience if isinstance(settings, TrainedConfig) else 0
        return optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED, n_warmup_steps=wait)

    def _storage(self) -> BaseStorage:
        if url := os.environ.get(STORAGE):
            return _database(url)
        journal = str(self._journal)
        # Who is killed while writing leaves the lock; it is held for milliseconds.
        lock = JournalFileSymlinkLock(journal, grace_period=5)
        return JournalStorage(JournalFileBackend(journal, lock_obj=lock))

    @property
    def _journal(self) -> Path:
        return self.folder / "study.journal"

    def _own(self, trial: FrozenTrial) -> bool:
        """Whether an open trial is this machine's, so that nobody else is at work on it."""
        return not os.environ.get(STORAGE) or trial.user_attrs.get(OWNER) == _machine()


class Found(NamedTuple):
    """What a search has found."""

    trials: list[Trial]
    importances: dict[str, float]
    """Share of the variance by setting; empty where there are too few trials to tell."""


def search_filter(tuning: FilterTuning, config: TuneConfig, out: Path) -> Found:
    """Search, and write into `out` what `trials.write_trials` does.

    Raises `DivergenceError` if training diverges without additions, or with all that were tried.
    """
    files = tuning.train_file, tuning.valid_file, tuning.generations
    about = {
        field.name: _keys(value) if isinstance(value, BaseModel) else value
        for field in fields(tuning)
        if not isinstance(value := getattr(tuning, field.name), Path)
    }
    searched = config.model_dump(mode="json", exclude={"workers", "recommenders"})
    inputs = fingerprint(*files, tuning=about, tune=searched)
    with costing(out), resumable_folder(out, inputs) as work:
        study = Study(f"{tuning.recommender} {inputs[:12]}", tuning, config, work)
        frozen = study.run()
        trials, importances = trials_of(frozen), _importances(frozen, tuning.seed)
        failed = [t.user_attrs[FAILED] for t in frozen if FAILED in t.user_attrs]
        if failed and not (trials[0].by_seed and any(t.by_seed for t in trials[1:])):
            raise DivergenceError(failed[0])  # there is nothing to compare
        with replacing_folder(out) as folder:
            write_trials(folder, trials, tuning, importances=importances)
    return Found(trials, importances)


def _keys(section: BaseModel) -> dict[str, object]:
    """Without those that shape no result: who reads it, and how many work at it."""
    return section.model_dump(mode="json", exclude={"source", "workers"})


def trials_of(frozen: Sequence[FrozenTrial]) -> list[Trial]:
    """The same without Optuna."""
    return [_trial(trial) for trial in frozen]


def _trial(frozen: FrozenTrial) -> Trial:
    outcomes: dict[TrialState, Outcome] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    return Trial(
        number=frozen.number,
        choice=FilterChoice(**frozen.params),
        outcome=outcomes[frozen.state],
        by_seed=tuple(frozen.user_attrs.get(BY_SEED, ())),
        validations=tuple(
            (*divmod(step, _SEED_STEPS), value)
            for step, value in sorted(frozen.intermediate_values.items())
        ),
    )


def _importances(trials: list[FrozenTrial], seed: int) -> dict[str, float]:
    """Share of the values' variance that each parameter explains (fANOVA, Hutter et al. 2014),
    largest first; empty where too few trials are complete."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    if len({t.value for t in complete}) < len(FilterChoice._fields):
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _database(url: str) -> BaseStorage:
    try:
        return optuna.storages.get_storage(url)
    except (ImportError, ValueError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"the database that {STORAGE} names cannot be opened ({reason})",
            "one that Optuna takes, and that answers",
        ) from error


def _cut_half_line(journal: Path) -> None:
    """What was written last to a disk that became full; what came behind it could not be read."""
    lines = journal.read_bytes()
    os.truncate(journal, lines.rfind(b"\n") + 1)


def _machine() -> str:
    return f"{socket.gethostname()}:{Path.cwd()}"


def _frozen(study: optuna.Study, number: int) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


def _has_outcome(trial: FrozenTrial) -> bool:
    return not trial.user_attrs.keys().isdisjoint((BY_SEED, PRUNED, FAILED))


def _tell(study: optuna.Study, number: int) -> None:
    outcome = _frozen(study, number).user_attrs
    if BY_SEED in outcome:
        study.tell(number, float(np.mean(outcome[BY_SEED])))
    else:
        study.tell(number, state=TrialState.PRUNED if PRUNED in outcome else TrialState.FAIL)
