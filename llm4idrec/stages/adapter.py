"""The base model learns to continue the prompts."""

from __future__ import annotations

import os
from contextlib import nullcontext

from llm4idrec.artifacts import ADAPTER, BASE_MODEL, PROMPT_LINES, PROMPTS, Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def adapter(files: Files, config: Config) -> None:
    """Base model and prompts -> a PEFT adapter folder.

    `LLM4IDREC_ACCELERATE` has it made by the processes that `accelerate launch` starts.
    """
    from llm4idrec.language_model.launch import ARGUMENTS, Tuning
    from llm4idrec.language_model.processes import is_main, joined

    tuning = Tuning(
        files[BASE_MODEL],
        files[PROMPTS] / PROMPT_LINES,
        files[ADAPTER],
        config=config.adapter,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    arguments = os.environ.get(ARGUMENTS)
    with costing(files[ADAPTER]) if is_main() else nullcontext():
        if arguments and not joined():
            tuning.launch(arguments)
        else:
            tuning.run()


STAGE = Stage(
    adapter,
    reads=(BASE_MODEL, PROMPTS),
    writes=(ADAPTER,),
    params=("adapter", "seed", "device", "threads"),
)
