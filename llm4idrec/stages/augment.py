"""The proposed items are filtered and merged with the original interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm4idrec.artifacts import (
    AUGMENTED,
    AUGMENTED_VALIDATION,
    CANDIDATES,
    CONTROLS,
    GENERATIONS,
    IDENTIFIERS,
    INTERACTIONS,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import costing, replacing_folder, write_json
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Expectations, Stage

if TYPE_CHECKING:
    from llm4idrec.data.expectations import Validation


def augment(files: Files, config: Config) -> None:
    """Candidates -> the accepted ones -> these and the original interactions."""
    filter(files, config)
    merge(files, config)


def filter(files: Files, config: Config) -> None:
    """Candidates -> the accepted ones, `candidates.parquet` and `controls.parquet`, and
    `summary.json` (counts of the language model's by reason)."""
    from llm4idrec.augmentation.candidate_files import CandidateFiles
    from llm4idrec.augmentation.filter_files import filter_files
    from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
    from llm4idrec.data.candidates import shards

    train, out = files[TRAIN], files[CANDIDATES]
    controls = sorted(files[CONTROLS].glob("*.parquet"))
    # One thread, as in the workers of tuning, whose candidates are to be the same.
    with costing(out), replacing_folder(out) as folder, fixed_threads(1):
        interactions = Interactions.read(train / INTERACTIONS)
        summary = filter_files(
            CandidateFiles(shards(files[GENERATIONS]), PROPOSED),
            {file.stem: CandidateFiles([file], PROPOSED) for file in controls},
            CandidateFilter(interactions, config.filter, config.ease),
            folder=folder,
            memory=config.memory,
        )
        write_json(folder / "summary.json", summary)


def merge(files: Files, config: Config) -> None:
    """Train and accepted candidates -> `interactions.parquet` and, in the user's IDs, a CSV; the
    controls' candidates with their relative ranks -> `controls.parquet`."""
    from llm4idrec.augmentation.merge_files import merge_files

    train, out = Interactions.read(files[TRAIN] / INTERACTIONS), files[AUGMENTED]
    with costing(out), replacing_folder(out) as folder:
        merge_files(
            train, files[IDENTIFIERS], files[CANDIDATES], folder=folder, memory=config.memory
        )


def validate_augmented(files: Files, config: Config) -> Validation:
    """What must hold of the augmented interactions."""
    from llm4idrec.augmentation.expectations import augmented_validation

    return augmented_validation(files[AUGMENTED], files[TRAIN])


STAGE = Stage(
    augment,
    reads=(TRAIN, IDENTIFIERS, GENERATIONS, CONTROLS),
    writes=(CANDIDATES, AUGMENTED),
    params=("ease",),
    tuned=("filter",),
    expectations=Expectations(
        validate_augmented, reads=(AUGMENTED, TRAIN), writes=AUGMENTED_VALIDATION
    ),
)
