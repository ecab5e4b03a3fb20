"""The answer: original and augmented data compared, and with controls, over all recommenders."""

from __future__ import annotations

from llm4idrec.artifacts import (
    ADAPTER,
    AUGMENTED,
    BASE_MODEL,
    CANDIDATES,
    COMPARISON,
    CONTROL_COMPARISON,
    CONTROLS,
    EVALUATIONS,
    FIGURES,
    GENERATIONS,
    HELDOUT,
    IDENTIFIERS,
    LEDGERS,
    METRICS,
    PLOTS,
    PROMPTS,
    RAW,
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
        HELDOUT,
        IDENTIFIERS,
        PROMPTS,
        BASE_MODEL,
        ADAPTER,
        GENERATIONS,
        CONTROLS,
        CANDIDATES,
        AUGMENTED,
        EVALUATIONS,
        LEDGERS,
    ),
    writes=(COMPARISON, CONTROL_COMPARISON, METRICS, PLOTS, FIGURES),
    params=(
        "recommenders",
        "dataset",
        "data",
        "split.protocol",
        "seed",
        "device",
        "evaluation.seeds",
    ),
    tuned=("filter", "evaluation.amounts"),
)
