"""Others propose items in the language model's place."""

from __future__ import annotations

from llm4idrec.artifacts import CONTROLS, INTERACTIONS, TRAIN, Files
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import costing, replacing_folder
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Stage


def controls(files: Files, config: Config) -> None:
    """Train interactions -> candidates of who stands in the model's place, `<control>.parquet`."""
    from llm4idrec.augmentation.controls import write_controls

    train, out = files[TRAIN], files[CONTROLS]
    with costing(out), replacing_folder(out) as folder, fixed_threads(config.threads):
        interactions = Interactions.read(train / INTERACTIONS)
        write_controls(interactions, folder, config)


STAGE = Stage(
    controls,
    reads=(TRAIN,),
    writes=(CONTROLS,),
    params=(
        "controls",
        "generation.items",
        "popularity",
        "itemknn",
        "ease",
        "sasrec",
        "seed",
        "device",
        "threads",
    ),
)
