"""The base model learns to continue the prompts."""

from __future__ import annotations

import os
from contextlib import nullcontext

from llm4idrec.artifacts import ADAPTER, BASE_MODEL, PROMPT_LINES, PROMPTS, Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Stage


def adapter(files: Files, config: Config) -> None:
    """Base model and prompts -> a PEFT adapter folder.

    `LLM4IDREC_ACCELERATE` has it made by the processes that `accelerate launch` starts.
    """
    from llm4idrec.language_model.adapter import tune_adapter
    from llm4idrec.language_model.launch import ARGUMENTS, launch_tuning
    from llm4idrec.language_model.processes import is_main, joined

    out = files[ADAPTER]
    given = (files[BASE_MODEL], files[PROMPTS] / PROMPT_LINES, out)
    settings = (config.adapter, config.seed, config.device)
    arguments = os.environ.get(ARGUMENTS)
    with costing(out) if is_main() else nullcontext(), fixed_threads(config.threads):
        if arguments and not joined():
            launch_tuning(arguments, *given, *settings, config.threads)
        else:
            tune_adapter(*given, *settings)


STAGE = Stage(
    adapter,
    reads=(BASE_MODEL, PROMPTS),
    writes=(ADAPTER,),
    params=("adapter", "seed", "device", "threads"),
)
