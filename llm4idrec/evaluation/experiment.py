"""One experiment: which fits there are, and how a process of its own runs one of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.arm_files import accepted_of
from llm4idrec.augmentation.arms import (
    LANGUAGE_MODEL,
    ORIGINAL,
    SELECTION,
    SELF,
    final,
    is_drawn,
    source_of,
)
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.augmentation.controls import recommender_candidates
from llm4idrec.augmentation.filtering import CandidateFilter
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import EASEConfig, RecommenderConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.arm_tables import (
    COLUMNS,
    read_pairs,
    replicate_file,
    replicate_of,
)
from llm4idrec.evaluation.data import Audience, Data
from llm4idrec.evaluation.measures import Measures
from llm4idrec.evaluation.source_rankings import DEPTH, fuse, read_ranking
from llm4idrec.metrics.ranking import user_metrics
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import new_recommender
from llm4idrec.recommenders.validation import Validation
from llm4idrec.runtime.files import fingerprint, read_json, replacing_folder, write_json

CANDIDATES = 100
"""Items that a recommender proposes to itself for each user."""
FUSED_ARMS = (ORIGINAL, LANGUAGE_MODEL)
"""Whose rankings are fused with EASE's own as well."""
_SELECTED, _FINAL, _OWN = "selection", "final", "own.parquet"


class Inputs(NamedTuple):
    """The folders that an experiment reads."""

    train: Path
    known: Path
    heldout: Path
    augmented: Path
    replicates: Path

    def read_data(self) -> Data:
        return Data.read(self.train, self.known, self.heldout)


class Fit(NamedTuple):
    """A training set and a seed; as a string, its name in histories and folders."""

    arm: str
    """Whose items are added to the original pairs; `ORIGINAL`: nobody's."""
    augmentation: Augmentation
    """How many of them, in which order."""
    seed: int
    """Which of the seeds, from 0."""

    def __str__(self) -> str:
        added = "" if self.arm == ORIGINAL else f"{self.augmentation}/"
        return f"{self.arm}/{added}seed={self.seed}"


@dataclass(frozen=True)
class Experiment:
    """What a process needs to run any fit of one recommender; plain data, cheap to send."""

    inputs: Inputs
    recommender: str
    settings: RecommenderConfig
    evaluation: EvaluationConfig
    runs: int
    """Final replicates of what generates."""
    filter: FilterConfig
    """With `ease`: how the candidates of `self` are filtered and ordered."""
    ease: EASEConfig
    controls: tuple[str, ...]
    """Arms beside the language model's."""
    seed: int
    device: str
    fits: Path = Path("fits")
    """Each fit leaves its results in this folder, under its name."""

    @property
    def metric(self) -> str:
        """Column that chooses epochs and augmentations."""
        return self.evaluation.metric

    @property
    def arms(self) -> tuple[str, ...]:
        return LANGUAGE_MODEL, *self.controls

    @property
    def augmentations(self) -> list[Augmentation]:
        """What validation chooses from for each arm; first nothing, last the most."""
        added = {
            Augmentation(a, p)
            for a in self.evaluation.amounts
            for p in self.filter.popularity_exponents
        }
        return [ORIGINAL_DATA, *sorted(added)]

    @property
    def fuses(self) -> bool:
        """Whether there are rankings of EASE."""
        return source_file(self.inputs.replicates / SELECTION, "ease").is_file()

    def selecting(self, arm: str, augmentation: Augmentation) -> list[Fit]:
        """The fits by which validation judges it, one for each of `evaluation.selection_seeds`;
        where the seed means nothing they are the same. Any arm that adds nothing is the original.
        """
        seeds = range(self.evaluation.selection_seeds)
        seeded, arm = self.settings.is_seeded, arm if augmentation.amount else ORIGINAL
        return [Fit(arm, augmentation, seed if seeded else 0) for seed in seeds]

    def comparing(self, arm: str, augmentation: Augmentation) -> list[Fit]:
        """The fits that are tested, one for each of `evaluation.seeds`; where neither the seed nor
        another replicate means anything they are the same."""
        runs = self.runs if is_drawn(arm) else 1
        seeded = self.settings.is_seeded
        seeds = range(self.evaluation.seeds)
        return [Fit(arm, augmentation, seed if seeded else seed % runs) for seed in seeds]

    def fingerprint(self) -> str:
        """Of all that shapes a fit."""
        names = [SELECTION, *(final(run) for run in range(self.runs))]
        files = [self.inputs.train / "interactions.parquet"]
        files += [self.inputs.known / "interactions.parquet"]
        files += [self.inputs.heldout / f"{name}.parquet" for name in ("valid", "test")]
        files += [replicate_file(self.inputs.augmented, name) for name in names]
        if self.fuses:
            files += [
                source_file(self.inputs.replicates / name, "ease") for name in (SELECTION, final(0))
            ]
        return fingerprint(
            *files,
            recommender=self.recommender,
            settings=self.settings.model_dump(mode="json"),
            evaluation=self.evaluation.model_dump(mode="json", exclude={"workers"}),
            runs=self.runs,
            filter=self.filter.model_dump(mode="json"),
            ease=self.ease.model_dump(mode="json"),
            controls=self.controls,
            seed=self.seed,
            device=self.device,
        )

    def folder(self, fit: Fit, stage: str) -> Path:
        return self.fits / str(fit) / stage

    def valid_file(self, fit: Fit) -> Path:
        """The selection metric of each validation user, and of the ranking fused with EASE's."""
        return self.folder(fit, _SELECTED) / "valid.parquet"

    def measures(self, fit: Fit, *, fused: bool = False) -> Measures:
        """What the test says."""
        return Measures.read(self.folder(fit, _FINAL) / ("fused" if fused else "plain"))

    def model(self, fit: Fit) -> Path:
        """The tested one, of the seed 0."""
        return self.folder(fit, _FINAL) / "model"

    def training(self, fit: Fit) -> dict[str, Any]:
        """How the fit for the selection went."""
        training: dict[str, Any] = read_json(self.folder(fit, _SELECTED) / "training.json")
        return training

    def added(self, fit: Fit) -> int:
        """Pairs that were added before the test."""
        return int(read_json(self.folder(fit, _FINAL) / "added.json")["pairs"])

    def select(self, fit: Fit) -> None:
        """Train on what is added to train, early stopping on validation, if not done yet.

        A fit of the arm `self` needs that of the original data with the same seed.
        """
        out = self.folder(fit, _SELECTED)
        if out.exists():
            return
        data = self.inputs.read_data()
        recommender, cutoffs = self._new_recommender(fit), self.evaluation.cutoffs
        train = self._augmented(data.train, fit, _SELECTED)
        validation = self._validation(data, train)
        training = recommender.fit(train, validation)
        with replacing_folder(out) as folder:
            by_user = {self.metric: validation.by_user(recommender)[self.metric]}
            if self.fuses and fit.arm in FUSED_ARMS:
                audience = data.at_validation
                ranked = self._fused(recommender, audience, SELECTION, history=train)
                both = user_metrics(ranked, audience.users, data.valid, cutoffs=cutoffs)
                by_user["fused"] = both[self.metric]
            pq.write_table(pa.table(by_user), folder / "valid.parquet")
            write_json(folder / "training.json", asdict(training))
            if fit.arm == ORIGINAL:
                self._write_own(recommender, data.train, folder / _OWN)

    def test(self, fit: Fit) -> None:
        """Train on all that is known and what is added to it, and rank for the test users, once, if
        not done yet. All that the choices need is selected before the first is tested."""
        out = self.folder(fit, _FINAL)
        if out.exists():
            return
        data, cutoffs = self.inputs.read_data(), self.evaluation.cutoffs
        train, recommender = self._augmented(data.known, fit, _FINAL), self._new_recommender(fit)
        if self.evaluation.refit:
            recommender.fit(train, epochs=self.epochs(fit))
        else:
            recommender.fit(train, self._validation(data, train))
        users, seen = data.at_test
        history = train if self.evaluation.refit else self._augmented(seen, fit, _FINAL)
        ranked = recommender.recommend(users, max(cutoffs), seen, history=history)
        with replacing_folder(out) as folder:
            Measures.of(ranked, data, cutoffs).write(folder / "plain")
            if self.fuses and fit.arm in FUSED_ARMS:
                both = self._fused(recommender, data.at_test, final(0), history=history)
                Measures.of(both, data, cutoffs).write(folder / "fused")
            if fit.seed == 0 and fit.arm in FUSED_ARMS:
                recommender.save(folder / "model")
            write_json(folder / "added.json", {"pairs": len(train) - len(data.known)})
            if fit.arm == ORIGINAL:
                self._write_own(recommender, data.known, folder / _OWN)

    def epochs(self, fit: Fit) -> int:
        """The mean, over the seeds that validation judged, of the epochs that were best."""
        its = self.selecting(fit.arm, fit.augmentation)
        return max(1, round(float(np.mean([self.training(one)["best_epoch"] for one in its]))))

    def _new_recommender(self, fit: Fit) -> Recommender:
        """An untrained one; fits with equal `Fit.seed` draw equal random numbers."""
        return new_recommender(
            self.recommender, self.settings, seed=self.seed, nth=fit.seed, device=self.device
        )

    def _validation(self, data: Data, train: Interactions) -> Validation:
        """Of what learns `train`, and continues that."""
        cutoffs, metric = self.evaluation.cutoffs, self.metric
        return Validation(data.valid, data.train, cutoffs, metric, history=train)

    def _augmented(self, known: Interactions, fit: Fit, stage: str) -> Interactions:
        """The pairs known, and those that the fit's arm adds: what is trained on, and what a
        sequential recommender then continues.

        Where there is a time, `placement` gives generated items one; the smallest relative rank is
        best.
        """
        if fit.arm == ORIGINAL:
            return known
        added = generated_pairs(self._pairs(fit, stage), fit.augmentation)
        return place_generated(known, *added, placement=self.evaluation.placement)

    def _pairs(self, fit: Fit, stage: str) -> pa.Table:
        if source_of(fit.arm) == SELF:
            own = self.folder(Fit(ORIGINAL, ORIGINAL_DATA, fit.seed), stage) / _OWN
            return pq.read_table(own, columns=list(COLUMNS), filters=[("arm", "==", fit.arm)])
        run = fit.seed % self.runs
        replicate = SELECTION if stage == _SELECTED else replicate_of(fit.arm, run)
        return read_pairs(self.inputs.augmented, replicate, fit.arm)

    def _fused(
        self, recommender: Recommender, audience: Audience, replicate: str, *, history: Interactions
    ) -> IntArray:
        """Its rankings and those of EASE for an audience whose `history` is continued."""
        k = max(DEPTH, *self.evaluation.cutoffs)
        other = read_ranking(self.inputs.replicates / replicate, "ease", audience, k=k)
        ranked = recommender.recommend(audience.users, k, audience.seen, history=history)
        return fuse(ranked, other, max(self.evaluation.cutoffs))

    def _write_own(self, recommender: Recommender, known: Interactions, file: Path) -> None:
        """Items that the recommender, trained on what is known alone, finds best for each user,
        through the same filter as everybody's: what the arms of `self` add."""
        arms = [arm for arm in self.controls if source_of(arm) == SELF]
        if not arms:
            return
        candidates = recommender_candidates(recommender, known, CANDIDATES)
        accepting = CandidateFilter(known, self.filter, self.ease)
        tables = []
        for arm in arms:
            its = accepted_of(arm, candidates, accepting).select(COLUMNS)
            tables.append(its.add_column(0, "arm", pa.repeat(arm, len(its))))
        pq.write_table(pa.concat_tables(tables), file)
