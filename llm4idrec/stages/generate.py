"""The tuned model proposes items for each user."""

from __future__ import annotations

from llm4idrec.artifacts import ADAPTER, BASE_MODEL, GENERATIONS, INTERACTIONS, TRAIN, Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def generate(files: Files, config: Config) -> None:
    """Tuned model -> shards of candidates with votes, mean log-probability and rank."""
    from llm4idrec.generation.generator import generate_candidates

    out = files[GENERATIONS]
    with costing(out):
        generate_candidates(
            files[TRAIN] / INTERACTIONS,
            files[BASE_MODEL],
            files[ADAPTER],
            out,
            config.generation,
            config.lists,
            config.seed,
            config.device,
            config.threads,
        )


STAGE = Stage(
    generate,
    reads=(TRAIN, BASE_MODEL, ADAPTER),
    writes=(GENERATIONS,),
    params=("generation", "lists", "seed", "device", "threads"),
)
