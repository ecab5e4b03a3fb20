"""The tuned model proposes items for each user."""

from __future__ import annotations

from llm4idrec.artifacts import ADAPTER, BASE_MODEL, GENERATIONS, INTERACTIONS, KNOWN, Files
from llm4idrec.config import Config
from llm4idrec.data.protocol import lists_taken
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Stage


def generate(files: Files, config: Config) -> None:
    """Tuned model -> shards of candidates with votes, mean log-probability and rank."""
    from llm4idrec.generation.generator import Generation, generate_candidates

    given = Generation(
        files[KNOWN] / INTERACTIONS,
        files[BASE_MODEL],
        files[ADAPTER],
        config=config.generation,
        lists=lists_taken(config.lists, files[KNOWN]),
        seed=config.seed,
        device=config.device,
    )
    with costing(files[GENERATIONS]):
        generate_candidates(given, files[GENERATIONS], threads=config.threads)


STAGE = Stage(
    generate,
    reads=(KNOWN, BASE_MODEL, ADAPTER),
    writes=(GENERATIONS,),
    params=("generation", "lists", "seed", "device", "threads"),
)
