"""Lines of pairs, sequences and examples, in the words that stand for users and items."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.interactions import IntArray, Interactions, LongArray

Pairs = tuple[IntArray, IntArray]
"""Users and items."""
RECBOLE_LENGTH = 50
"""Latest items in a history: RecBole's MAX_ITEM_LIST_LENGTH unless it is told otherwise."""
_TARGETS_A_CHUNK = 1 << 16


class Words(NamedTuple):
    """Word k of each is written for number k."""

    users: pa.Array
    items: pa.Array

    @classmethod
    def numbers(cls, n_users: int, n_items: int) -> Words:
        """The numbers themselves, from 0."""
        return cls(*(pa.array(np.arange(n).astype(str)) for n in (n_users, n_items)))


def pairs_of(part: Interactions) -> Pairs:
    return part.user, part.item


def write_lines(path: Path, lines: pa.Array, header: str | None = None) -> None:
    r"""Write UTF-8 text whose lines end in `\n` on every system."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in (header, *lines.to_pylist()) if line is not None)


def pair_lines(words: Words, pairs: Pairs, separator: str, *more: str) -> pa.Array:
    """A line a pair: the user, the item, and what stands behind each."""
    user, item = pairs
    columns = words.users.take(pa.array(user)), words.items.take(pa.array(item))
    return pc.binary_join_element_wise(*columns, *more, separator)


def sequence_lines(words: Words, tables: list[Interactions], separator: str) -> pa.Array:
    """A line a user: the user, `separator`, the items of the tables."""
    user, item = in_order(tables)
    users, starts = np.unique(user, return_index=True)
    lists = _lists(words.items, item, np.append(starts, len(item)))
    return pc.binary_join_element_wise(words.users.take(pa.array(users)), lists, separator)


def example_lines(words: Words, sequence: Pairs, last: Interactions | None = None) -> pa.Array:
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
        _windows(words, sequence, places=chunk, starts=starts[chunk])
        for chunk in np.array_split(targets, len(targets) // _TARGETS_A_CHUNK + 1)
    ]
    return pa.concat_arrays(chunks)


def in_order(tables: list[Interactions]) -> Pairs:
    """Each user's items, those of the first table before those of the next."""
    user = np.concatenate([table.user for table in tables])
    order = np.argsort(user, kind="stable")
    return user[order], np.concatenate([table.item for table in tables])[order]


def _lists(words: pa.Array, item: IntArray, offsets: LongArray) -> pa.Array:
    """The words of `item` from each offset to the next, joined by spaces."""
    lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), words.take(pa.array(item)))
    return pc.binary_join(lists, " ")


def _windows(words: Words, sequence: Pairs, *, places: LongArray, starts: LongArray) -> pa.Array:
    user, item = sequence
    lengths = np.minimum(places - starts, RECBOLE_LENGTH)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    history = _lists(words.items, item[np.repeat(places - lengths, lengths) + within], offsets)
    return pc.binary_join_element_wise(
        words.users.take(pa.array(user[places])),
        history,
        words.items.take(pa.array(item[places])),
        "\t",
    )
