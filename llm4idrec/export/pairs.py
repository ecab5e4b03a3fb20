"""Formats with a pair a line: SELFRec's for graph models, and RecBole's for general ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.export.material import Material

Pairs = tuple[IntArray, IntArray]


def selfrec_graph(material: Material, folder: Path, name: str) -> None:
    """`train.txt`, `valid.txt`, `test.txt` and `train_and_valid.txt`: `user item 1` a line.

    SELFRec has no validation set: choose with `training.set: train.txt`, `test.set: valid.txt`,
    then test with `train_and_valid.txt` and `test.txt`. The generated pairs in the latter are of
    what knew the validation pairs too.
    """
    refitted, valid = _pairs(material.refitted), _pairs(material.valid)
    new = ~material.refitted.contains(*valid) | (valid[1] >= material.refitted.n_items)
    parts = {
        "train": _pairs(material.train),
        "valid": valid,
        "test": _pairs(material.test),
        "train_and_valid": (
            np.concatenate((refitted[0], valid[0][new])),
            np.concatenate((refitted[1], valid[1][new])),
        ),
    }
    for part, pairs in parts.items():
        write_lines(folder / f"{part}.txt", _joined(material, pairs, " ", "1"))


def recbole(material: Material, folder: Path, name: str) -> None:
    """RecBole's atomic files with its `benchmark_filename` splits, and a configuration file.

    `NAME.train.inter`, `NAME.valid.inter`, `NAME.test.inter`: a typed header, then a pair a line,
    for models that need no order. RecBole masks train and validation pairs when it tests.
    """
    for part in ("train", "valid", "test"):
        lines = _joined(material, _pairs(getattr(material, part)), "\t")
        write_lines(folder / f"{name}.{part}.inter", lines, "user_id:token\titem_id:token")
    write_lines(folder / f"{name}.yaml", pa.array(_RECBOLE))


_RECBOLE = (
    "# for RecBole: dataset is the name of this folder, data_path the folder above it",
    "benchmark_filename: [train, valid, test]",
    "load_col: {inter: [user_id, item_id]}",
)


def write_lines(path: Path, lines: pa.Array, header: str | None = None) -> None:
    r"""Write UTF-8 text whose lines end in `\n` on every system."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in (header, *lines.to_pylist()) if line is not None)


def _pairs(part: Interactions) -> Pairs:
    return part.user, part.item


def _joined(material: Material, pairs: Pairs, separator: str, *more: str) -> pa.Array:
    user, item = pairs
    words = material.users.take(pa.array(user)), material.items.take(pa.array(item))
    return pc.binary_join_element_wise(*words, *more, separator)
