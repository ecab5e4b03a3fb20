"""What generates is trained again: without what validation holds, and with other seeds."""

from __future__ import annotations

from functools import partial

from llm4idrec.artifacts import (
    ADAPTER,
    BASE_MODEL,
    CONTROLS,
    GENERATIONS,
    KNOWN,
    PROMPTS,
    REPLICATES,
    SETTINGS,
    TRAIN,
    Files,
)
from llm4idrec.augmentation.arms import SELECTION, final
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing, read_json
from llm4idrec.stages.adapter import adapter
from llm4idrec.stages.base_model import base_model
from llm4idrec.stages.controls import controls, make_controls
from llm4idrec.stages.generate import generate
from llm4idrec.stages.prompts import prompts
from llm4idrec.stages.stage import Stage

BASE = ((BASE_MODEL, base_model),)
TUNED = ((PROMPTS, prompts), (ADAPTER, adapter), (GENERATIONS, generate))
"""A `Line` from a base model to the candidates of the tuned one."""
_SHAPING = (
    "base_model",
    "lists",
    "prompts",
    "adapter",
    "generation",
    "controls",
    "popularity",
    "itemknn",
    "ease",
    "svd",
    "sasrec",
    "seed",
    "device",
)


def replicate(files: Files, config: Config) -> None:
    """Generator and controls, trained again -> the candidates of each replicate.

    `selection` knows train only; `final-K` all that is known, with a seed of its own.
    """
    from llm4idrec.augmentation.controls import EPOCHS
    from llm4idrec.augmentation.replication import Replicate, drawn, make_replicates, run_seed

    settings = {SETTINGS: files[SETTINGS]}
    own = config.with_settings(files[SETTINGS]).model_copy(update={"threads": 1})
    replicates, copied = [], [final(0)]
    if config.evaluation.refit:
        line = (*BASE, *TUNED, (CONTROLS, controls))
        replicates.append(Replicate(SELECTION, {KNOWN: files[TRAIN]} | settings, own, line))
    else:
        copied.append(SELECTION)
    epochs = read_json(files[CONTROLS] / "summary.json").get(EPOCHS)
    line = (*BASE, *TUNED, (CONTROLS, partial(make_controls, epochs=epochs)))
    for run in range(1, config.replicates.runs):
        other = {"seed": run_seed(config.seed, run), "controls": drawn(config.controls)}
        changed = own.model_copy(update=other)
        replicates.append(Replicate(final(run), {KNOWN: files[KNOWN]} | settings, changed, line))
    with costing(files[REPLICATES]):
        make_replicates(
            replicates,
            dict.fromkeys(copied, (files[GENERATIONS], files[CONTROLS])),
            files[REPLICATES],
            keys=_SHAPING,
            workers=config.replicates.workers,
        )


STAGE = Stage(
    replicate,
    reads=(TRAIN, KNOWN, SETTINGS, GENERATIONS, CONTROLS),
    writes=(REPLICATES,),
    params=(*_SHAPING, "replicates.runs", "evaluation.refit"),
)
