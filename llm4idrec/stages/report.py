"""The answer: what to serve, and what a language model gives each recommender."""

from __future__ import annotations

from llm4idrec.artifacts import (
    ADAPTER,
    AUGMENTED,
    BASE_MODEL,
    BOTTOM_LINE,
    CANDIDATES,
    COMPARISON,
    CONTROL_COMPARISON,
    CONTROLS,
    EVALUATIONS,
    FIGURES,
    GENERATIONS,
    HELDOUT,
    IDENTIFIERS,
    KNOWN,
    LEDGERS,
    METRICS,
    PLOTS,
    PROMPTS,
    RANKINGS,
    RAW,
    REPLICATES,
    SETTINGS,
    SOURCE,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.runtime.files import replacing_folder
from llm4idrec.stages.stage import Stage


def report(files: Files, config: Config) -> None:
    """Evaluations, and what led to them -> tables, a page, and lines for `dvc plots`."""
    from llm4idrec.report.report import write_report
    from llm4idrec.verdict.plots import write_lines

    write_report(files, config)
    evaluations = [files[EVALUATIONS] / name for name in config.recommenders]
    with replacing_folder(files[PLOTS]) as folder:
        write_lines(evaluations, folder)


STAGE = Stage(
    report,
    reads=(
        SOURCE,
        RAW,
        TRAIN,
        KNOWN,
        HELDOUT,
        IDENTIFIERS,
        SETTINGS,
        PROMPTS,
        BASE_MODEL,
        ADAPTER,
        GENERATIONS,
        CONTROLS,
        REPLICATES,
        CANDIDATES,
        AUGMENTED,
        EVALUATIONS,
        RANKINGS,
        LEDGERS,
    ),
    writes=(BOTTOM_LINE, COMPARISON, CONTROL_COMPARISON, METRICS, PLOTS, FIGURES),
    params=(
        "recommenders",
        "dataset",
        "data",
        "split.protocol",
        "seed",
        "device",
        "evaluation.seeds",
        "evaluation.refit",
    ),
    tuned=("filter", "evaluation.amounts"),
)
