"""From a finished run to everybody's items: the chosen system, trained on all interactions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from llm4idrec.artifacts import (
    ADAPTER,
    BASE_MODEL,
    CONTROLS,
    EVALUATIONS,
    IDENTIFIERS,
    RANKINGS,
    SETTINGS,
    TRAIN,
    Files,
)
from llm4idrec.augmentation.arms import is_fused
from llm4idrec.augmentation.controls import EPOCHS
from llm4idrec.augmentation.merging import GENERATED, ORIGINAL
from llm4idrec.config import Config
from llm4idrec.data.formats import read_file
from llm4idrec.data.identifiers import Identifiers
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_taken, protocol_taken
from llm4idrec.data.whole import write_whole
from llm4idrec.errors import InputError
from llm4idrec.recommenders.ranking import as_rows
from llm4idrec.runtime.files import (
    fingerprint,
    forget_work,
    read_json,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.serving.learning import Learning, Learnt
from llm4idrec.serving.system import choose, needs_adapter
from llm4idrec.verdict.bottom_line import System, bottom_line

READS = (TRAIN, SETTINGS, CONTROLS, EVALUATIONS, RANKINGS)
"""What of a finished run is needed."""
RECOMMENDATIONS, LEARNT = "recommendations", "interactions"
"""Files of what is written, `.csv` in own IDs and `.parquet` in numbers."""
_ROWS = 1 << 20
"""Written at a time."""
_SHAPING_NOTHING: dict[str, bool | set[str]] = {
    "dataset": True, "evaluation": {"workers"}, "replicates": True, "tune": True,
    "tune_recommenders": True, "replay": True, "recommenders": True, "controls": True,
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """What was made, and for how many."""

    system: System
    users: int
    all_users: int
    """Of the file; the others are outside of the k-core."""
    pairs: int
    """What was learnt from: of each user each item once."""
    added: int


def serve(files: Files, out: Path, config: Config, *, what: str, items: int | None) -> Served:
    """`serve_system` of `what` (`system.choose`) in the table of what to serve; without a number of
    `items` as many as the largest cutoff has.

    `files` are those of `READS`. Raises `InputError` if the run is not finished, or there is no
    such line.
    """
    items = max(config.evaluation.cutoffs) if items is None else items
    evaluations = [files[EVALUATIONS] / name for name in config.recommenders]
    _require_finished([*evaluations, *(files[artifact] for artifact in READS)])
    system = choose(bottom_line(evaluations, files[RANKINGS]), what)
    return serve_system(system, files, out, config=config, items=items)


def serve_system(system: System, files: Files, out: Path, *, config: Config, items: int) -> Served:
    """Write the folder `out`: `RECOMMENDATIONS`, the best unseen `items` of every user by `system`,
    which is trained on all interactions that `config.data` names now; the models, own IDs, and,
    where items are added for a recommender, `LEARNT`, all that it was trained on, with the origin
    of each pair.

    `files` are those of `READS`. Users outside of the k-core have no row. Settings, amounts and
    epochs are those that validation chose. A killed call goes on after the last whole model. Raises
    `InputError` for a file that cannot be read, and for `items` below 1.
    """
    if items < 1:
        raise InputError(f"{items} items for each user", "at least 1")
    config = _as_judged(system, files, config, items=items)
    read = [files[artifact] for artifact in READS]
    shaping = config.model_dump(mode="json", exclude=_SHAPING_NOTHING)
    mark = fingerprint(*read, *_files_of(config), system=dict(system), **shaping)
    with resumable_folder(out, mark) as work:
        all_users = _know_everything(work, files, config)
        learning = Learning(system, config, files[EVALUATIONS], work)
        epochs = read_json(files[CONTROLS] / "summary.json").get(EPOCHS)
        learning.propose({SETTINGS: files[SETTINGS]}, epochs)
        learnt = learning.learn()
        with replacing_folder(out) as folder:
            _write(folder, learning, learnt, items=items)
    forget_work(out)
    known = learning.known
    added = len(learnt.train) - len(known) if learnt else 0
    return Served(system, known.n_users, all_users, len(known), added)


def _as_judged(system: System, files: Files, config: Config, *, items: int) -> Config:
    """With the settings that were found, lists in the order that they had, and as many candidates
    as are ranked: of a recommender by itself no more than when it was judged."""
    lists = lists_taken(config.lists, files[TRAIN])
    config = config.with_settings(files[SETTINGS]).model_copy(update={"lists": lists})
    if system["recommender"] is not None and not is_fused(system["variant"]):
        return config
    more = {"items": max(items, config.generation.items)}
    return config.model_copy(update={"generation": config.generation.model_copy(update=more)})


def _files_of(config: Config) -> list[Path]:
    data = config.data
    return [data.train_file, *([data.test_file] if data.test_file else [])]


def _know_everything(work: Path, files: Files, config: Config) -> int:
    """Write what is known into `work`, if it is not there; how many users the files have."""
    count = work / "users.json"
    if not count.is_file():
        raw = pa.concat_tables(read_file(file, config.data) for file in _files_of(config))
        protocol = protocol_taken(config.split.protocol, files[TRAIN])
        write_whole(raw, config.data, work, seed=config.seed, protocol=protocol)
        write_json(count, pc.count_distinct(raw["user"]).as_py())
    return int(read_json(count))


def _require_finished(folders: Sequence[Path]) -> None:
    """`InputError` for one that is not there."""
    for folder in folders:
        if not folder.is_dir():
            remedy = "run the whole flow first, with these parameters"
            raise InputError("there is no such folder", "a finished run", remedy, file=folder)


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
        _write_csv(folder / f"{name}.csv", numbered, ids)
    for artifact in (IDENTIFIERS, ADAPTER if needs_adapter(learning.system) else BASE_MODEL):
        if (work / artifact.name).is_dir():
            shutil.copytree(work / artifact.name, folder / artifact.name)
    write_json(folder / "system.json", learning.system)


def _write_csv(file: Path, numbered: pa.Table, ids: Identifiers) -> None:
    """In own IDs, some rows at a time: these take more memory than numbers."""
    schema = ids.own(numbered.slice(0, 0)).schema
    with pyarrow.csv.CSVWriter(file, schema) as csv:
        for start in range(0, len(numbered), _ROWS):
            csv.write_table(ids.own(numbered.slice(start, _ROWS)))


def _with_origin(train: Interactions, known: Interactions) -> pa.Table:
    original = known.contains(train.user, train.item)
    origin = np.where(original, ORIGINAL, GENERATED)
    return pa.table({"user": train.user, "item": train.item, "origin": origin})
