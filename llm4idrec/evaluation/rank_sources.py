"""What generates as a recommender of its own: its candidates are a ranking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.augmentation.arms import (
    LANGUAGE_MODEL,
    SELECTION,
    final,
    fused,
    is_drawn,
    is_fused,
    source_of,
    unfused,
)
from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.config import EvaluationConfig
from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation import ledger as ledger_of
from llm4idrec.evaluation.data import Data
from llm4idrec.evaluation.experiment import Inputs
from llm4idrec.evaluation.ledger import Look
from llm4idrec.evaluation.measures import Measures
from llm4idrec.evaluation.results import labelled
from llm4idrec.evaluation.source_rankings import DEPTH, fuse, read_ranking
from llm4idrec.metrics.ranking import user_metrics
from llm4idrec.runtime.files import content_hash, fingerprint, replacing_folder, write_json
from llm4idrec.runtime.project import CODE

BY_THEMSELVES = "sources"
"""What the ledger has in a recommender's place."""
EASE = "ease"


@dataclass(frozen=True)
class SourceRankings:
    """The rankings of what generates, for the users of validation and of the test."""

    inputs: Inputs
    arms: tuple[str, ...]
    """Whose sources are ranked, if they have candidates."""
    evaluation: EvaluationConfig
    runs: int
    """Final replicates."""

    @cached_property
    def data(self) -> Data:
        return self.inputs.read_data()

    @property
    def sources(self) -> list[str]:
        """The language model, and the controls that proposed something for everybody."""
        folder = self.inputs.replicates / SELECTION
        named = dict.fromkeys(source_of(arm) for arm in self.arms)
        there = [source for source in named if source_file(folder, source).is_file()]
        return [LANGUAGE_MODEL, *there]

    @property
    def variants(self) -> list[str]:
        """The sources, and the language model fused with EASE."""
        sources = self.sources
        return [*sources, *([fused(LANGUAGE_MODEL)] if EASE in sources else [])]

    def ranked(self, variant: str, replicate: str) -> IntArray:
        """(users, k) for the users of validation if the replicate is what validation chooses by,
        else for those of the test."""
        if not is_fused(variant):
            return self._candidates(variant, replicate)
        own = self._candidates(unfused(variant), replicate)
        beside = replicate if replicate == SELECTION else final(0)
        return fuse(own, self._candidates(EASE, beside), max(self.evaluation.cutoffs))

    def _candidates(self, source: str, replicate: str) -> IntArray:
        data, k = self.data, max(DEPTH, *self.evaluation.cutoffs)
        audience = data.at_validation if replicate == SELECTION else data.at_test
        return read_ranking(self.inputs.replicates / replicate, source, audience, k=k)


def rank_sources(rankings: SourceRankings, out: Path, ledger: Path) -> None:
    """Write into `out`: `per_user.parquet` (variant, seed, user, then a column a metric: the test),
    `validation.parquet` (the same on validation, the selection metric only) and `summary.json`.

    The seed is the number of the replicate; what no seed draws has equal rows in each. The look at
    the test set is recorded in the file `ledger`. Raises `InputError` on candidates that are none.
    """
    with tqdm(unit="ranking", desc="rank", total=len(rankings.variants)) as progress:
        validation, tests = [], []
        numbers: dict[str, float] = {}
        for variant in rankings.variants:
            validation.append(_validated(rankings, variant))
            tables, means = _tested(rankings, variant)
            tests += tables
            numbers |= {f"{variant}_{name}": value for name, value in means.items()}
            progress.update()
    with replacing_folder(out) as folder:
        pq.write_table(pa.concat_tables(tests), folder / "per_user.parquet")
        pq.write_table(pa.concat_tables(validation), folder / "validation.parquet")
        write_json(folder / "summary.json", numbers)
    ledger_of.record(ledger, _look(rankings, numbers))


def _validated(rankings: SourceRankings, variant: str) -> pa.Table:
    data, evaluation = rankings.data, rankings.evaluation
    users, ranked = data.at_validation.users, rankings.ranked(variant, SELECTION)
    metrics = user_metrics(ranked, users, data.valid, cutoffs=evaluation.cutoffs)
    table = pa.table({"user": users, evaluation.metric: metrics[evaluation.metric]})
    return labelled(table, variant, 0)


def _tested(rankings: SourceRankings, variant: str) -> tuple[list[pa.Table], dict[str, float]]:
    """A table for each replicate, and the means over them."""
    data, cutoffs = rankings.data, rankings.evaluation.cutoffs
    different = [
        Measures.of(rankings.ranked(variant, final(run)), data, cutoffs)
        for run in range(rankings.runs if is_drawn(variant) else 1)
    ]
    measured = [different[run % len(different)] for run in range(rankings.runs)]
    tables = [labelled(its.by_user, variant, run) for run, its in enumerate(measured)]
    metrics = measured[0].by_user.column_names[1:]
    means = {
        name: np.mean([pc.mean(m.by_user[name]).as_py() for m in measured]) for name in metrics
    }
    means |= {name: np.mean([m.numbers[name] for m in measured]) for name in measured[0].numbers}
    return tables, {name: float(mean) for name, mean in means.items()}


def _look(rankings: SourceRankings, numbers: Mapping[str, float]) -> Look:
    """What the ledger keeps; the question is which candidates are ranked."""
    inputs, evaluation = rankings.inputs, rankings.evaluation
    test, runs = inputs.heldout / "test.parquet", rankings.runs
    names = [f"{variant}_{evaluation.metric}" for variant in rankings.variants]
    finals = [inputs.replicates / final(run) for run in range(runs)]
    candidates = sorted(file for folder in finals for file in folder.rglob("*.parquet"))
    cutoffs = list(evaluation.cutoffs)
    return Look(
        test=content_hash(test),
        recommender=BY_THEMSELVES,
        question=fingerprint(test, *candidates, cutoffs=cutoffs, sources=rankings.sources),
        settings={"evaluation": {"cutoffs": cutoffs}, "replicates": {"runs": runs}},
        code=os.environ.get(CODE, ""),
        result={name: numbers[name] for name in names},
    )
