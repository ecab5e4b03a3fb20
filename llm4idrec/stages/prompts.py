"""The prompts that the adapter is tuned on."""

from __future__ import annotations

from llm4idrec.artifacts import INTERACTIONS, KNOWN, PROMPT_LINES, PROMPTS, Files
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_taken
from llm4idrec.runtime.files import costing, replacing_folder
from llm4idrec.stages.stage import Stage


def prompts(files: Files, config: Config) -> None:
    """Known interactions -> `prompts.jsonl`: lists of a user's items, without their last parts."""
    from llm4idrec.language_model.prompt_files import write_prompts
    from llm4idrec.language_model.prompts import build_prompts

    known, out = files[KNOWN], files[PROMPTS]
    with costing(out), replacing_folder(out) as folder:
        interactions = Interactions.read(known / INTERACTIONS)
        lists = lists_taken(config.lists, known)
        built = build_prompts(interactions, config.prompts, lists, seed=config.seed)
        write_prompts(folder / PROMPT_LINES, built)


STAGE = Stage(
    prompts,
    reads=(KNOWN,),
    writes=(PROMPTS,),
    params=("lists", "prompts", "seed"),
)
