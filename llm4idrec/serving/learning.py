"""A system learns from everything: who proposes items, then the recommender."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from llm4idrec.artifacts import (
    BASE_MODEL,
    CONTROLS,
    INTERACTIONS,
    KNOWN,
    Files,
)
from llm4idrec.augmentation.arm_files import accepted_of, write_arms
from llm4idrec.augmentation.arms import BASE_MODEL as UNTUNED
from llm4idrec.augmentation.arms import (
    LANGUAGE_MODEL,
    ORIGINAL,
    SELF,
    is_fused,
    source_of,
)
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.controls import recommender_candidates
from llm4idrec.augmentation.filtering import CandidateFilter
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import Config
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.data import Audience
from llm4idrec.evaluation.experiment import CANDIDATES
from llm4idrec.evaluation.source_rankings import DEPTH, fuse, read_ranking
from llm4idrec.line import Line, run_line
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import new_recommender
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import read_json, read_table
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.serving.system import arm_of, proposing
from llm4idrec.stages.controls import make_controls
from llm4idrec.stages.replicate import BASE, TUNED
from llm4idrec.verdict.bottom_line import EASE, System
from llm4idrec.verdict.selection import Selection


class Learnt(NamedTuple):
    """A recommender, and what it was trained on."""

    recommender: Recommender
    train: Interactions


@dataclass(frozen=True)
class Learning:
    """A system, from the interactions of the folder `work`, which stage functions then fill."""

    system: System
    config: Config
    """With the settings that were found for each recommender."""
    evaluations: Path
    """The folder of all: what validation chose."""
    work: Path

    @cached_property
    def known(self) -> Interactions:
        return Interactions.read(self.work / KNOWN.name / INTERACTIONS)

    def propose(self, given: Files, epochs: int | None) -> None:
        """Train who proposes items, SASRec for so many `epochs`; what was made before is kept."""
        sources = proposing(self.system)
        others = tuple(source for source in sources if source != LANGUAGE_MODEL)
        line: Line = ()
        if {LANGUAGE_MODEL, UNTUNED} & {*sources}:
            line += BASE
        if LANGUAGE_MODEL in sources:
            line += TUNED
        if others:
            line += ((CONTROLS, partial(make_controls, epochs=epochs)),)
        config = self.config.model_copy(update={"controls": others})
        own = {artifact: self.work / artifact.name for artifact in (KNOWN, BASE_MODEL)}
        run_line(line, given | own, config, folder=self.work)

    def learn(self) -> Learnt | None:
        """Train the recommender on what is known and what is added to it, which must have been
        proposed; None for what ranks by itself."""
        name = self.system["recommender"]
        if name is None:
            return None
        with fixed_threads(1):  # as where it was evaluated
            train = self._train(name)
            recommender = self._new(name)
            recommender.fit(train, epochs=self._epochs(name, arm_of(self.system)))
        return Learnt(recommender, train)

    def rank(self, learnt: Learnt | None, k: int) -> IntArray:
        """The k best items of all users, (n_users, k), best first; rows end in `NO_ITEM`."""
        users, fused = np.arange(self.known.n_users, dtype=np.int32), self._is_fused
        audience, depth = Audience(users, self.known), max(k, DEPTH) if fused else k
        with fixed_threads(1):
            if learnt is None:
                ranked = read_ranking(self.work, arm_of(self.system), audience, k=depth)
            else:
                given = {"history": learnt.train}
                ranked = learnt.recommender.recommend(users, depth, self.known, **given)
            if not fused:
                return ranked
            return fuse(ranked, read_ranking(self.work, EASE, audience, k=depth), k)

    @property
    def _is_fused(self) -> bool:
        return is_fused(self.system["variant"])

    def _new(self, name: str) -> Recommender:
        device, settings = choose_device(self.config.device).type, self.config.settings(name)
        return new_recommender(name, settings, seed=self.config.seed, nth=0, device=device)

    def _epochs(self, name: str, arm: str) -> int:
        """The mean of those that validation found best."""
        summary: dict[str, float] = read_json(self.evaluations / name / "summary.json")
        return max(1, round(summary[f"{arm}_best_epoch"]))

    def _train(self, name: str) -> Interactions:
        """All that is known, and what validation chose to add to it."""
        arm = arm_of(self.system)
        if arm == ORIGINAL:
            return self.known
        chosen: Augmentation = Selection.read(self.evaluations / name).arms[arm].chosen
        added = generated_pairs(self._accepted(name, arm), chosen)
        return place_generated(self.known, *added, placement=self.config.evaluation.placement)

    def _accepted(self, name: str, arm: str) -> pa.Table:
        accepting = CandidateFilter(self.known, self.config.filter, self.config.ease)
        if source_of(arm) == SELF:
            recommender = self._new(name)
            recommender.fit(self.known, epochs=self._epochs(name, ORIGINAL))
            candidates = recommender_candidates(recommender, self.known, CANDIDATES)
            return accepted_of(arm, candidates, accepting)
        folder = self.work / "arms"
        folder.mkdir(exist_ok=True)
        write_arms([self.work], [arm], accepting, folder=folder, memory=self.config.memory)
        return read_table(folder / f"{self.work.name}.parquet")
