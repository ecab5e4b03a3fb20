"""The language model that the adapter is made for."""

from __future__ import annotations

from llm4idrec.artifacts import BASE_MODEL, INTERACTIONS, KNOWN, Files
from llm4idrec.config import Config
from llm4idrec.data.protocol import lists_taken
from llm4idrec.runtime.files import costing
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Stage


def base_model(files: Files, config: Config) -> None:
    """Known interactions -> a Hugging Face model folder, or a reference to a pretrained one."""
    from llm4idrec.language_model.base_model import make_base_model

    known, out = files[KNOWN] / INTERACTIONS, files[BASE_MODEL]
    with costing(out), fixed_threads(config.threads):
        make_base_model(
            known,
            out,
            config.base_model,
            lists=lists_taken(config.lists, files[KNOWN]),
            seed=config.seed,
            device=config.device,
        )


STAGE = Stage(
    base_model,
    reads=(KNOWN,),
    writes=(BASE_MODEL,),
    params=("base_model", "lists", "seed", "device", "threads"),
)
