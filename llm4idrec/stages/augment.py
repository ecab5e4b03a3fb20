"""The proposed items are filtered and merged with the original interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm4idrec.artifacts import (
    AUGMENTED,
    AUGMENTED_VALIDATION,
    CANDIDATES,
    IDENTIFIERS,
    INTERACTIONS,
    KNOWN,
    REPLICATES,
    SETTINGS,
    TRAIN,
    Files,
)
from llm4idrec.augmentation.arms import LANGUAGE_MODEL, SELECTION, final
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import costing, replacing_folder, write_json
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.stage import Expectations, Stage

if TYPE_CHECKING:
    from llm4idrec.data.expectations import Validation


def augment(files: Files, config: Config) -> None:
    """Candidates -> the accepted ones -> these and the original interactions; and by arm."""
    filter(files, config)
    merge(files, config)


def filter(files: Files, config: Config) -> None:
    """Candidates of the language model alone, of the replicate that is handed over -> the accepted
    ones, `candidates.parquet`, and `summary.json` (counts by reason)."""
    from llm4idrec.augmentation.candidate_files import CandidateFiles
    from llm4idrec.augmentation.filter_files import filter_files
    from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
    from llm4idrec.augmentation.replicate_files import source_files

    known, out = Interactions.read(files[KNOWN] / INTERACTIONS), files[CANDIDATES]
    generations = source_files(files[REPLICATES] / final(0), LANGUAGE_MODEL)
    with costing(out), replacing_folder(out) as folder, fixed_threads(1):
        summary = filter_files(
            CandidateFiles(generations, PROPOSED),
            CandidateFilter(known, config.filter),
            folder=folder,
            memory=config.memory,
        )
        write_json(folder / "summary.json", summary)


def merge(files: Files, config: Config) -> None:
    """Known interactions and accepted candidates -> `interactions.parquet` and, in the user's IDs,
    a CSV; what each arm may add with each replicate -> `arms/REPLICATE.parquet`."""
    from llm4idrec.augmentation.arm_files import proposed_arms, write_arms
    from llm4idrec.augmentation.filtering import CandidateFilter
    from llm4idrec.augmentation.merge_files import merge_files

    out, ease = files[AUGMENTED], config.with_settings(files[SETTINGS]).ease
    runs = [files[REPLICATES] / final(run) for run in range(config.replicates.runs)]
    # One thread, as in the workers of the evaluation, where EASE agrees with candidates too.
    with costing(out), replacing_folder(out) as folder, fixed_threads(1):
        known = Interactions.read(files[KNOWN] / INTERACTIONS)
        merge_files(
            known, files[IDENTIFIERS], files[CANDIDATES], folder=folder, memory=config.memory
        )
        (folder / "arms").mkdir()
        train = Interactions.read(files[TRAIN] / INTERACTIONS)
        for knowing, replicates in ((train, [files[REPLICATES] / SELECTION]), (known, runs)):
            write_arms(
                replicates,
                proposed_arms(config.controls),
                CandidateFilter(knowing, config.filter, ease),
                folder=folder / "arms",
                memory=config.memory,
            )


def validate_augmented(files: Files, config: Config) -> Validation:
    """What must hold of the augmented interactions."""
    from llm4idrec.augmentation.expectations import augmented_validation

    return augmented_validation(files[AUGMENTED], files[KNOWN])


STAGE = Stage(
    augment,
    reads=(TRAIN, KNOWN, IDENTIFIERS, SETTINGS, REPLICATES),
    writes=(CANDIDATES, AUGMENTED),
    params=("controls", "ease", "replicates.runs"),
    tuned=("filter",),
    expectations=Expectations(
        validate_augmented, reads=(AUGMENTED, KNOWN), writes=AUGMENTED_VALIDATION
    ),
)
