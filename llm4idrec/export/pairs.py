"""Formats with a pair a line: SELFRec's for graph models, and RecBole's for general ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from llm4idrec.data.lines import pair_lines, pairs_of, write_lines
from llm4idrec.data.recbole import PAIR, write_configuration
from llm4idrec.export.material import Material

PARTS = ("train", "valid", "test")


def selfrec_graph(material: Material, folder: Path, name: str) -> None:
    """`train.txt`, `valid.txt`, `test.txt` and `train_and_valid.txt`: `user item 1` a line.

    SELFRec has no validation set: choose with `training.set: train.txt`, `test.set: valid.txt`,
    then test with `train_and_valid.txt` and `test.txt`. The generated pairs in the latter are of
    what knew the validation pairs too.
    """
    refitted, valid = pairs_of(material.refitted), pairs_of(material.valid)
    new = ~material.refitted.contains(*valid) | (valid[1] >= material.refitted.n_items)
    parts = {
        "train": pairs_of(material.train),
        "valid": valid,
        "test": pairs_of(material.test),
        "train_and_valid": (
            np.concatenate((refitted[0], valid[0][new])),
            np.concatenate((refitted[1], valid[1][new])),
        ),
    }
    for part, pairs in parts.items():
        write_lines(folder / f"{part}.txt", pair_lines(material.words, pairs, " ", "1"))


def recbole(material: Material, folder: Path, name: str) -> None:
    """RecBole's atomic files with its `benchmark_filename` splits, and a configuration file.

    `NAME.train.inter`, `NAME.valid.inter`, `NAME.test.inter`: a typed header, then a pair a line,
    for models that need no order. RecBole masks train and validation pairs when it tests.
    """
    for part in PARTS:
        lines = pair_lines(material.words, pairs_of(getattr(material, part)), "\t")
        write_lines(folder / f"{name}.{part}.inter", lines, PAIR)
    write_configuration(folder, name, PARTS)
