"""Formats with a user's items in time order: SELFRec's, RecBole's, OpenP5's, LLM-RecSys-ID's.

Their readers know one item a user for validation and one for the test, the last two. So these
formats are exact for `leave_last_out` and refused for anything else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.errors import InputError
from llm4idrec.export.material import Material
from llm4idrec.export.pairs import Pairs, write_lines

Heldout = Literal["at most one", "exactly one"]
RECBOLE_LENGTH = 50
"""Latest items in a history: RecBole's MAX_ITEM_LIST_LENGTH unless it is told otherwise."""
_TARGETS_A_CHUNK = 1 << 16


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
        write_lines(folder / f"{part}.txt", _sequences(material, tables, ":"))


def openp5(material: Material, folder: Path, name: str) -> None:
    """OpenP5's `user_sequence.txt`: `user item item ...`; the last two are held out."""
    tables = [material.train, material.valid, material.test]
    write_lines(folder / "user_sequence.txt", _sequences(material, tables, " "))


def llm_recsys_id(material: Material, folder: Path, name: str) -> None:
    """LLM-RecSys-ID's `sequential_data.txt`: `user item item ...`; the last two are held out."""
    tables = [material.train, material.valid, material.test]
    write_lines(folder / "sequential_data.txt", _sequences(material, tables, " "))


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
        lines = _examples(material, _in_order(tables), last)
        header = "user_id:token\titem_id_list:token_seq\titem_id:token"
        write_lines(folder / f"{name}.{part}.inter", lines, header)
    write_lines(folder / f"{name}.yaml", pa.array(_RECBOLE))


_RECBOLE = (
    "# for RecBole: dataset is the name of this folder, data_path the folder above it",
    "benchmark_filename: [train, valid, test]",
    "load_col: {inter: [user_id, item_id_list, item_id]}",
    "alias_of_item_id: [item_id_list]",
    f"MAX_ITEM_LIST_LENGTH: {RECBOLE_LENGTH}",
)


def _in_order(tables: list[Interactions]) -> Pairs:
    """Each user's items, those of the first table before those of the next."""
    user = np.concatenate([table.user for table in tables])
    order = np.argsort(user, kind="stable")
    return user[order], np.concatenate([table.item for table in tables])[order]


def _sequences(material: Material, tables: list[Interactions], separator: str) -> pa.Array:
    """A line a user: the user, `separator`, the items of the tables."""
    user, item = _in_order(tables)
    users, starts = np.unique(user, return_index=True)
    lists = _lists(material.items, item, np.append(starts, len(item)))
    return pc.binary_join_element_wise(material.users.take(pa.array(users)), lists, separator)


def _lists(words: pa.Array, item: IntArray, offsets: LongArray) -> pa.Array:
    """The words of `item` from each offset to the next, joined by spaces."""
    lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), words.take(pa.array(item)))
    return pc.binary_join(lists, " ")


def _examples(material: Material, sequence: Pairs, last: Interactions | None) -> pa.Array:
    """`user TAB history TAB next item` for every place that has a history.

    With `last`, only for the users of that table, and only the last place.
    """
    user = sequence[0]
    starts = np.searchsorted(user, user)
    place = np.arange(len(user))
    wanted = place > starts
    if last is not None:
        wanted &= np.append(user[1:] != user[:-1], True) & (last.history_lengths[user] > 0)
    targets = np.flatnonzero(wanted)
    chunks = [
        _windows(material, sequence, places=chunk, starts=starts[chunk])
        for chunk in np.array_split(targets, len(targets) // _TARGETS_A_CHUNK + 1)
    ]
    return pa.concat_arrays(chunks)


def _windows(
    material: Material, sequence: Pairs, *, places: LongArray, starts: LongArray
) -> pa.Array:
    user, item = sequence
    lengths = np.minimum(places - starts, RECBOLE_LENGTH)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    history = _lists(material.items, item[np.repeat(places - lengths, lengths) + within], offsets)
    return pc.binary_join_element_wise(
        material.users.take(pa.array(user[places])),
        history,
        material.items.take(pa.array(item[places])),
        "\t",
    )
