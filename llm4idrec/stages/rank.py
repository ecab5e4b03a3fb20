"""What generates ranks by itself, so that it is seen beside what it augments."""

from __future__ import annotations

from llm4idrec.artifacts import (
    AUGMENTED,
    HELDOUT,
    KNOWN,
    RANKINGS,
    REPLICATES,
    SOURCES_LEDGER,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def rank(files: Files, config: Config) -> None:
    """Candidates of the language model and the controls -> their metrics as rankings, by user."""
    from llm4idrec.evaluation.experiment import Inputs
    from llm4idrec.evaluation.rank_sources import SourceRankings, rank_sources

    inputs = Inputs(*(files[name] for name in (TRAIN, KNOWN, HELDOUT, AUGMENTED, REPLICATES)))
    rankings = SourceRankings(inputs, config.controls, config.evaluation, config.replicates.runs)
    with costing(files[RANKINGS]):
        rank_sources(rankings, files[RANKINGS], files[SOURCES_LEDGER])


STAGE = Stage(
    rank,
    reads=(TRAIN, KNOWN, HELDOUT, AUGMENTED, REPLICATES),
    writes=(RANKINGS, SOURCES_LEDGER),
    params=(
        "controls",
        "evaluation.cutoffs",
        "evaluation.selection_metric",
        "replicates.runs",
    ),
)
