"""One experiment: which fits there are, and how a process of its own runs one of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.config import EvaluationConfig, Placement
from llm4idrec.errors import InputError
from llm4idrec.files import read_json, replacing_file, replacing_folder, write_json
from llm4idrec.interactions import IntArray, Interactions
from llm4idrec.merging import GENERATED, ORIGINAL, generated_pairs
from llm4idrec.metrics import coverage, evaluated_users, user_metrics
from llm4idrec.placement import place_generated
from llm4idrec.recommenders.base import ClosedForm, Recommender
from llm4idrec.recommenders.config import RecommenderConfig
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.training import Validation


class Fit(NamedTuple):
    """One training; as a string, its name in histories and folders."""

    amount: float
    """Ratio of generated items to a user's history."""
    seed: int
    """Which of the seeds, from 0."""

    def __str__(self) -> str:
        return f"amount={self.amount:g}/seed={self.seed}"


@dataclass(frozen=True)
class Experiment:
    """What a process needs to run any fit of one recommender; plain data, cheap to send."""

    train_file: Path
    heldout: Path
    augmented_file: Path
    recommender: str
    settings: RecommenderConfig
    evaluation: EvaluationConfig
    seed: int
    device: str
    fits: Path
    """Each fit leaves its results in this folder, under its name."""

    @property
    def metric(self) -> str:
        """Column that chooses epochs and the amount."""
        return f"{self.evaluation.selection_metric}_at_{max(self.evaluation.cutoffs)}"

    @property
    def seeds(self) -> int:
        """Trainings on each data set: one where the seed means nothing."""
        closed = issubclass(RECOMMENDERS[self.recommender], ClosedForm)
        return 1 if closed else self.evaluation.seeds

    def new_recommender(self, fit: Fit) -> Recommender:
        """An untrained one; fits with equal `Fit.seed` draw equal random numbers."""
        seed = int(np.random.SeedSequence((self.seed, fit.seed)).generate_state(1)[0])
        return RECOMMENDERS[self.recommender](self.settings, seed, self.device)

    def select(self, fit: Fit) -> None:
        """Train, early stopping on validation -> `model/`, `valid.parquet` (the selection metric of
        each user) and `training.json`, if not there yet."""
        if (self.fits / str(fit)).exists():
            return
        data = Data.read(self)
        recommender = self.new_recommender(fit)
        validation = Validation(data.valid, data.train, self.evaluation.cutoffs, self.metric)
        training = recommender.fit(data.training_set(fit.amount), validation)
        with replacing_folder(self.fits / str(fit)) as folder:
            recommender.save(folder / "model")
            by_user = {self.metric: validation.by_user(recommender)[self.metric]}
            pq.write_table(pa.table(by_user), folder / "valid.parquet")
            write_json(folder / "training.json", asdict(training))

    def examine(self, fit: Fit) -> None:
        """Rank for the test users, once -> `test.parquet` and `test.json`, if not there yet."""
        folder = self.fits / str(fit)
        if (folder / "test.json").exists():
            return
        data = Data.read(self)
        if self.evaluation.refit:
            recommender = self.new_recommender(fit)
            epochs = read_json(folder / "training.json")["best_epoch"]
            recommender.fit(data.training_set(fit.amount, with_valid=True), epochs=epochs)
            recommender.save(folder / "model")
        else:
            recommender = RECOMMENDERS[self.recommender].load(folder / "model", self.device)
        users, cutoffs = data.test_users, self.evaluation.cutoffs
        ranked = recommender.recommend(users, max(cutoffs), data.train_and_valid)
        metrics = user_metrics(ranked, users, data.test, cutoffs)
        with replacing_file(folder / "test.parquet") as file:
            pq.write_table(pa.table({"user": users, **metrics}), file)
        numbers = {f"coverage_at_{n}": coverage(ranked[:, :n], data.train.n_items) for n in cutoffs}
        write_json(folder / "test.json", numbers)


@dataclass(frozen=True)
class Data:
    """The tables of an experiment."""

    train: Interactions
    """The original one: it names the catalogue, the users and what they have seen."""
    valid: Interactions
    test: Interactions
    generated: pa.Table
    """Columns user, item, share."""
    placement: Placement
    """Where generated items stand in a history."""

    @classmethod
    def read(cls, experiment: Experiment) -> Self:
        """Raises `InputError` if a file is not what its stage writes, or of another data set."""
        train = Interactions.read(experiment.train_file)
        valid = _heldout(experiment.heldout / "valid.parquet", train)
        test = _heldout(experiment.heldout / "test.parquet", train)
        generated = _generated(experiment.augmented_file, train)
        return cls(train, valid, test, generated, experiment.evaluation.placement)

    def training_set(self, amount: float, with_valid: bool = False) -> Interactions:
        """Original pairs, and generated ones whose share is at most `amount`.

        Where there is a time, `placement` gives generated items one; the smallest share is best.
        They are trained on and no more: what a sequential recommender continues, at validation and
        at the test, is the original history.
        """
        pairs = self.train_and_valid if with_valid else self.train
        user, item = generated_pairs(self.generated, amount)
        return place_generated(pairs, user, item, self.placement) if len(user) else pairs

    @cached_property
    def train_and_valid(self) -> Interactions:
        """All pairs of the catalogue that a user is known to have before the test, in time order
        where there is a time."""
        known = self.valid.item < self.train.n_items
        time = None if self.valid.timestamp is None else self.valid.timestamp[known]
        return self.train.union(self.valid.user[known], self.valid.item[known], time)

    @cached_property
    def test_users(self) -> IntArray:
        return evaluated_users(self.train, self.test)


def _heldout(file: Path, train: Interactions) -> Interactions:
    heldout = Interactions.read(file)
    if heldout.n_users != train.n_users or not len(evaluated_users(train, heldout)):
        raise InputError(
            f"no user of the train set, or not the same {train.n_users} users",
            "held-out interactions of the train set's users",
            "run the stage `prepare` again",
            file=file,
        )
    return heldout


def _generated(file: Path, train: Interactions) -> pa.Table:
    """Rows of origin `generated`, after a check that the others are exactly `train`."""
    try:
        table = pq.read_table(file, columns=["user", "item", "origin", "share"])
        origin = table["origin"].to_numpy(zero_copy_only=False)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"not an augmented table ({reason})",
            "Parquet with columns user, item, origin, share",
            "run the stage `merge` again",
            file=file,
        ) from error
    original = table.filter(origin == ORIGINAL)
    user, item = original["user"].to_numpy(), original["item"].to_numpy()
    if len(original) != len(train) or not train.contains(user, item).all():
        raise InputError(
            "its original rows are not the train set",
            f"the {len(train)} pairs of the train set",
            "run the stage `merge` again",
            file=file,
        )
    return table.filter(origin == GENERATED).select(["user", "item", "share"])
