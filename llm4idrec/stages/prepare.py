"""The interaction file becomes numbered interactions, apart those that are held out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from llm4idrec.artifacts import (
    HELDOUT,
    IDENTIFIERS,
    INTERACTIONS,
    KNOWN,
    RAW,
    RAW_VALIDATION,
    SOURCE,
    TRAIN,
    Files,
)
from llm4idrec.config import Config, DataConfig
from llm4idrec.runtime.files import costing, replacing_folder, write_json
from llm4idrec.stages.stage import Expectations, Stage

if TYPE_CHECKING:
    from llm4idrec.data.expectations import Validation


def prepare(files: Files, config: Config) -> None:
    """Interaction file -> raw tables -> train, known and held-out interactions, identifiers."""
    read(files[RAW], config.data.model_copy(update={"path": files[SOURCE]}))
    split(files, config)
    know(files, config)


def read(out: Path, data: DataConfig) -> None:
    """Interaction file -> `train.parquet`, perhaps `test.parquet`: string IDs with line numbers."""
    from llm4idrec.data.formats import read_file

    with costing(out), replacing_folder(out) as folder:
        pq.write_table(read_file(data.train_file, data), folder / "train.parquet")
        if data.test_file:
            pq.write_table(read_file(data.test_file, data), folder / "test.parquet")


def split(files: Files, config: Config) -> None:
    """Raw tables -> train, held-out (`valid.parquet`, `test.parquet`) and identifiers folders."""
    from llm4idrec.data.protocol import write_protocol
    from llm4idrec.data.rows import read_rows
    from llm4idrec.data.split import split_raw
    from llm4idrec.metrics.ranking import evaluated_users, require_several

    raw, heldout = files[RAW], files[HELDOUT]
    test = raw / "test.parquet"
    parts = split_raw(
        read_rows(raw / "train.parquet"),
        read_rows(test) if test.is_file() else None,
        data=config.data,
        split=config.split,
        seed=config.seed,
    )
    for name, part in (("valid", parts.valid), ("test", parts.test)):
        require_several(evaluated_users(parts.train, part), heldout / f"{name}.parquet")
    with replacing_folder(files[IDENTIFIERS]) as folder:
        pq.write_table(parts.users, folder / "users.parquet")
        pq.write_table(parts.items, folder / "items.parquet")
    with replacing_folder(heldout) as folder:
        parts.valid.write(folder / "valid.parquet")
        parts.test.write(folder / "test.parquet")
    with replacing_folder(files[TRAIN]) as folder:
        parts.train.write(folder / INTERACTIONS)
        write_json(folder / "summary.json", parts.summary)
        write_protocol(folder, parts.protocol)


def know(files: Files, config: Config) -> None:
    """Train and, with `evaluation.refit`, validation interactions -> what is known before the
    test; `summary.json` then has its pairs and how many of them validation gave."""
    from llm4idrec.data.interactions import Interactions
    from llm4idrec.data.known import known_before_test

    with replacing_folder(files[KNOWN]) as folder:
        shutil.copytree(files[TRAIN], folder, dirs_exist_ok=True)
        if config.evaluation.refit:
            train = Interactions.read(files[TRAIN] / INTERACTIONS)
            valid = Interactions.read(files[HELDOUT] / "valid.parquet")
            known = known_before_test(train, valid)
            known.write(folder / INTERACTIONS)
            pairs = {"pairs": len(known), "validation_pairs": len(known) - len(train)}
            write_json(folder / "summary.json", pairs)


def validate_raw(files: Files, config: Config) -> Validation:
    """What must hold of the raw tables."""
    from llm4idrec.data.expectations import raw_validation

    return raw_validation(files[RAW], config.data)


STAGE = Stage(
    prepare,
    reads=(SOURCE,),
    writes=(RAW, TRAIN, KNOWN, HELDOUT, IDENTIFIERS),
    params=("data", "split", "seed", "evaluation.refit"),
    expectations=Expectations(validate_raw, reads=(RAW,), writes=RAW_VALIDATION),
)
