"""Others propose items in the tuned language model's place."""

from __future__ import annotations

from llm4idrec.artifacts import BASE_MODEL, CONTROLS, KNOWN, SETTINGS, Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import costing
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Stage


def controls(files: Files, config: Config) -> None:
    """Known interactions, and the base model -> candidates of others, `SOURCE.parquet`."""
    make_controls(files, config)


def make_controls(files: Files, config: Config, epochs: int | None = None) -> None:
    """The same; SASRec is fitted for so many `epochs`, if they are chosen already."""
    from llm4idrec.augmentation.controls import Controls

    found = config.with_settings(files[SETTINGS])
    with costing(files[CONTROLS]), fixed_threads(config.threads):
        Controls(files[KNOWN], files[BASE_MODEL], found, epochs).write(files[CONTROLS])


STAGE = Stage(
    controls,
    reads=(KNOWN, SETTINGS, BASE_MODEL),
    writes=(CONTROLS,),
    params=(
        "controls",
        "generation",
        "lists",
        "popularity",
        "itemknn",
        "ease",
        "svd",
        "sasrec",
        "seed",
        "device",
        "threads",
    ),
)
