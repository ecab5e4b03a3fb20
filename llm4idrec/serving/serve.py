"""From a finished run to everybody's items: the chosen system, trained on all interactions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from llm4idrec.artifacts import (
    ADAPTER,
    BASE_MODEL,
    CONTROLS,
    EVALUATIONS,
    IDENTIFIERS,
    KNOWN,
    RANKINGS,
    RAW,
    SETTINGS,
    TRAIN,
    Files,
)
from llm4idrec.augmentation.controls import EPOCHS
from llm4idrec.augmentation.merging import GENERATED, ORIGINAL
from llm4idrec.config import Config
from llm4idrec.data.identifiers import Identifiers
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_taken, protocol_taken
from llm4idrec.data.whole import write_whole
from llm4idrec.errors import InputError
from llm4idrec.recommenders.ranking import as_rows
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    read_table,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.serving.learning import Learning, Learnt
from llm4idrec.serving.system import choose, needs_adapter
from llm4idrec.verdict.bottom_line import System, bottom_line

READS = (RAW, TRAIN, SETTINGS, CONTROLS, EVALUATIONS, RANKINGS)
"""What of a finished run is needed."""
RECOMMENDATIONS, LEARNT = "recommendations", "interactions"
"""Files of what is written, `.csv` in own IDs and `.parquet` in numbers."""


_SHAPING_NOTHING: dict[str, bool | set[str]] = {
    "dataset": True, "evaluation": {"workers"}, "replicates": True, "tune": True,
    "tune_recommenders": True, "replay": True, "recommenders": True, "controls": True,
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """What was made, and for how many."""

    system: System
    users: int
    rows: int
    """Of the file that was read."""
    pairs: int
    """What was learnt from: of each user each item once, in the k-core."""
    added: int


def serve(files: Files, out: Path, config: Config, *, what: str, items: int) -> Served:
    """`serve_system` of `what` (`system.choose`) in the table of what to serve.

    `files` are those of `READS`. Raises `InputError` if the run is not finished, or there is no
    such line.
    """
    evaluations = [files[EVALUATIONS] / name for name in config.recommenders]
    require_finished([*evaluations, *(files[artifact] for artifact in READS)])
    system = choose(bottom_line(evaluations, files[RANKINGS]), what)
    return serve_system(system, files, out, config=config, items=items)


def serve_system(system: System, files: Files, out: Path, *, config: Config, items: int) -> Served:
    """Write the folder `out`: `RECOMMENDATIONS`, the best unseen `items` of every user by `system`,
    which is trained on all interactions, those of validation and test too; the models, own IDs,
    and, where items are added for a recommender, `LEARNT`, all that it was trained on, with the
    origin of each pair.

    `files` are those of `READS`. Users outside of the k-core have no row. Settings, amounts and
    epochs are those that validation chose. A killed call goes on after the last whole model.
    """
    lists = lists_taken(config.lists, files[TRAIN])
    config = config.with_settings(files[SETTINGS]).model_copy(update={"lists": lists})
    raw, read = all_rows(files[RAW]), [files[artifact] for artifact in READS]
    shaping = config.model_dump(mode="json", exclude=_SHAPING_NOTHING)
    with resumable_folder(out, fingerprint(*read, system=dict(system), **shaping)) as work:
        if not (work / KNOWN.name).is_dir():
            protocol = protocol_taken(config.split.protocol, files[TRAIN])
            write_whole(raw, config.data, work, seed=config.seed, protocol=protocol)
        learning = Learning(system, config, files[EVALUATIONS], work)
        epochs = read_json(files[CONTROLS] / "summary.json").get(EPOCHS)
        learning.propose({SETTINGS: files[SETTINGS]}, epochs)
        learnt = learning.learn()
        with replacing_folder(out) as folder:
            _write(folder, learning, learnt, items=items)
    known = learning.known
    added = len(learnt.train) - len(known) if learnt else 0
    return Served(system, known.n_users, len(raw), len(known), added)


def require_finished(folders: Sequence[Path]) -> None:
    """`InputError` for one that is not there."""
    for folder in folders:
        if not folder.is_dir():
            remedy = "run the whole flow first"
            raise InputError("there is no such folder", "a finished run", remedy, file=folder)


def all_rows(raw: Path) -> pa.Table:
    """Of the file that was read, and of a test set that was given."""
    files = [raw / f"{name}.parquet" for name in ("train", "test")]
    return pa.concat_tables(read_table(file) for file in files if file.is_file())


def _write(folder: Path, learning: Learning, learnt: Learnt | None, *, items: int) -> None:
    work = learning.work
    tables = {RECOMMENDATIONS: as_rows(learning.rank(learnt, items))}
    if learnt is not None:
        learnt.recommender.save(folder / "recommender")
        if len(learnt.train) > len(learning.known):
            tables[LEARNT] = _with_origin(learnt.train, learning.known)
    ids = Identifiers.read(work / IDENTIFIERS.name)
    for name, numbered in tables.items():
        pq.write_table(numbered, folder / f"{name}.parquet")
        pyarrow.csv.write_csv(ids.own(numbered), folder / f"{name}.csv")
    for artifact in (IDENTIFIERS, ADAPTER if needs_adapter(learning.system) else BASE_MODEL):
        if (work / artifact.name).is_dir():
            shutil.copytree(work / artifact.name, folder / artifact.name)
    write_json(folder / "system.json", learning.system)


def _with_origin(train: Interactions, known: Interactions) -> pa.Table:
    original = known.contains(train.user, train.item)
    origin = np.where(original, ORIGINAL, GENERATED)
    return pa.table({"user": train.user, "item": train.item, "origin": origin})
