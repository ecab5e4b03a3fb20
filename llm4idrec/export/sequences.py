"""Formats with a user's items in time order: SELFRec's, RecBole's, OpenP5's, LLM-RecSys-ID's.

Their readers know one item a user for validation and one for the test, the last two. So these
formats are exact for `leave_last_out` and refused for anything else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from llm4idrec.data.lines import example_lines, in_order, sequence_lines, write_lines
from llm4idrec.data.recbole import EXAMPLE, write_configuration
from llm4idrec.errors import InputError
from llm4idrec.export.material import Material

Heldout = Literal["at most one", "exactly one"]


def require_one_held_out(
    material: Material, format: str, protocol: str, *, heldout: Heldout
) -> None:
    """Raises `InputError` where the format would say something else than what was split."""
    if material.train.timestamp is None:
        raise InputError(
            f"the interactions have no time, and {format} lists them in time order",
            remedy="set data.timestamp and run the stages again, or export pairs",
        )
    if protocol != "leave_last_out":
        raise InputError(
            f"split.protocol is {protocol}",
            f"leave_last_out: {format} holds out one item a user",
            "split again, or export pairs",
        )
    for part in ("valid", "test"):
        lengths = getattr(material, part).history_lengths
        wrong = lengths != 1 if heldout == "exactly one" else lengths > 1
        if wrong.any():
            user = int(wrong.argmax())
            raise InputError(
                f"user {material.users[user].as_py()!r} has {lengths[user]} {part} items",
                f"{heldout}, as {format} has it",
                "export another format",
            )


def selfrec_sequential(material: Material, folder: Path, name: str) -> None:
    """`train.txt`, `valid.txt`, `test.txt` and `train_and_valid.txt`: `user:item item ...` a line.

    SELFRec has no validation set and continues what stands in the train file: choose with
    `training.set: train.txt`, `test.set: valid.txt`, then test with `train_and_valid.txt` and
    `test.txt`. The generated items in the latter are of what knew the validation items too.
    """
    parts = {
        "train": [material.train],
        "valid": [material.valid],
        "test": [material.test],
        "train_and_valid": [material.refitted, material.valid],
    }
    for part, tables in parts.items():
        write_lines(folder / f"{part}.txt", sequence_lines(material.words, tables, ":"))


def openp5(material: Material, folder: Path, name: str) -> None:
    """OpenP5's `user_sequence.txt`: `user item item ...`; the last two are held out."""
    tables = [material.train, material.valid, material.test]
    write_lines(folder / "user_sequence.txt", sequence_lines(material.words, tables, " "))


def llm_recsys_id(material: Material, folder: Path, name: str) -> None:
    """LLM-RecSys-ID's `sequential_data.txt`: `user item item ...`; the last two are held out."""
    tables = [material.train, material.valid, material.test]
    write_lines(folder / "sequential_data.txt", sequence_lines(material.words, tables, " "))


def recbole_sequential(material: Material, folder: Path, name: str) -> None:
    """RecBole's benchmark splits for sequential models: the latest 50 items, then the next one.

    RecBole reads such splits as finished examples, so every item of train but a user's first is
    one, as its own preparation would have it. Validation and test continue the original history,
    the test with the validation item in it.
    """
    original, valid, test = material.original, material.valid, material.test
    parts = {
        "train": ([material.train], None),
        "valid": ([original, valid], valid),
        "test": ([original, valid, test], test),
    }
    for part, (tables, last) in parts.items():
        lines = example_lines(material.words, in_order(tables), last)
        write_lines(folder / f"{name}.{part}.inter", lines, EXAMPLE)
    write_configuration(folder, name, parts, sequential=True)
