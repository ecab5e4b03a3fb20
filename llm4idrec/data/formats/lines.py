"""Formats whose lines are words: SELFRec's graph and sequential files, and LLM-RecSys-ID's.

The bytes are cut into words with array operations: a line at a time takes minutes for 20 M pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.text import read_text
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError

LongArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
NEWLINE, SPACE, TAB, COLON = b"\n \t:"


@dataclass(frozen=True)
class Words:
    """The words of a text and the lines that hold any.

    `text` and `stop`, shape (n,): the words and the places of the bytes after them; `line`, shape
    (m,): 1-based numbers of the lines that hold words; `offsets`, shape (m + 1,): the words of
    line k are `text[offsets[k]:offsets[k + 1]]`.
    """

    text: pa.Array
    stop: LongArray
    line: LongArray
    offsets: LongArray

    @property
    def counts(self) -> LongArray:
        """Words of each line, shape (m,)."""
        return np.diff(self.offsets)


def cut_words(content: ByteArray) -> Words:
    """Cut UTF-8 bytes at spaces, tabs and newlines; the last byte is a newline."""
    newline = content == NEWLINE
    gap = newline | (content == SPACE) | (content == TAB)
    starts = np.flatnonzero(~gap & np.concatenate(([True], gap[:-1])))
    ends = np.flatnonzero(gap & np.concatenate(([False], ~gap[:-1])))
    bounds = np.concatenate(([0], np.cumsum(ends - starts)))
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(content[~gap])]
    text = pa.Array.from_buffers(pa.large_string(), len(starts), buffers)
    before = np.concatenate(([0], np.searchsorted(starts, np.flatnonzero(newline))))
    held = np.flatnonzero(np.diff(before))
    return Words(text, ends, held + 1, np.append(before[held], len(starts)))


def read_pairs(path: Path, data: DataConfig) -> pa.Table:
    """Read SELFRec's graph format: `user item weight` a line; the weight is not used.

    The words are parted by spaces or tabs, and the weight may be left out of the whole file.
    """
    words = cut_words(np.frombuffer(read_text(path, data.encoding), np.uint8))
    width = int(words.counts[0])
    wrong = (words.counts != width) | (width not in (2, 3))
    if wrong.any():
        place = int(wrong.argmax())
        raise InputError(
            f"{words.counts[place]} word{'s' if words.counts[place] != 1 else ''}",
            "`user item` or `user item weight`"
            + (f", {width} words as in the first line" if place else ""),
            "mend or remove the line, or correct data.format",
            file=path,
            line=int(words.line[place]),
        )
    first = words.offsets[:-1]
    if width == 3:
        _require_weights(words.text.take(pa.array(first + 2)), words.line, path)
    user, item = (words.text.take(pa.array(first + k)).cast(pa.string()) for k in (0, 1))
    return pa.table({"user": user, "item": item, "line": words.line})


def _require_weights(weight: pa.Array, line: LongArray, path: Path) -> None:
    number = pc.match_substring_regex(weight, r"^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$")
    place = pc.index(number, False).as_py()
    if place >= 0:
        raise InputError(
            f"the weight is {shown(weight[place].as_py())}",
            "a number",
            "this format has no header; mend or remove the line",
            file=path,
            line=int(line[place]),
        )


def read_sequences(path: Path, data: DataConfig) -> pa.Table:
    """Read a user's items a line, in time order: SELFRec's `user:item item`, else `user item item`.

    `timestamp` is the 0-based position in the line.
    """
    content = np.frombuffer(read_text(path, data.encoding), np.uint8)
    if data.format == "selfrec_sequential":
        content = _without_colons(content, path)
    words = cut_words(content)
    short = words.counts < 2
    if short.any():
        place = int(short.argmax())
        raise InputError(
            f"user {shown(words.text[int(words.offsets[place])].as_py())} has no items",
            "at least one after the user",
            "remove the line",
            file=path,
            line=int(words.line[place]),
        )
    _require_one_line_a_user(words, path)
    row = np.repeat(np.arange(len(words.line)), words.counts - 1)
    is_item = np.ones(len(words.text), np.bool_)
    is_item[words.offsets[:-1]] = False
    of_item = np.flatnonzero(is_item)
    user = words.text.take(pa.array(words.offsets[:-1][row])).cast(pa.string())
    item = words.text.filter(pa.array(is_item)).cast(pa.string())
    line = words.line[row]
    position = of_item - words.offsets[:-1][row] - 1
    return pa.table({"user": user, "item": item, "timestamp": position, "line": line})


def _without_colons(content: ByteArray, path: Path) -> ByteArray:
    """The text with the colon after each user replaced by a space."""
    is_colon = content == COLON
    spaced = np.where(is_colon, np.uint8(SPACE), content)
    words = cut_words(spaced)
    newlines = np.flatnonzero(content == NEWLINE)
    with_colon = np.searchsorted(newlines, np.flatnonzero(is_colon)) + 1
    after_user = words.line[is_colon[words.stop[words.offsets[:-1]]]]
    once, count = np.unique(with_colon, return_counts=True)
    right = np.intersect1d(after_user, once[count == 1])
    wrong = np.setdiff1d(np.union1d(words.line, with_colon), right)
    if len(wrong):
        line = int(wrong[0])
        text = content.tobytes().split(b"\n", line)[line - 1].decode()
        raise InputError(
            f"the line is {shown(text)}",
            "`user:item item ...` with one colon",
            "mend the line, or correct data.format",
            file=path,
            line=line,
        )
    return spaced


def _require_one_line_a_user(words: Words, path: Path) -> None:
    users = words.text.take(pa.array(words.offsets[:-1])).dictionary_encode()
    code = users.indices.to_numpy()
    if len(users.dictionary) == len(code):
        return
    seen, first = np.unique(code, return_index=True)
    again = int(np.setdiff1d(np.arange(len(code)), first)[0])
    earlier = int(words.line[first[np.searchsorted(seen, code[again])]])
    raise InputError(
        f"user {shown(users[again].as_py())} has a line already, line {earlier}",
        "one line a user, in time order",
        "join the two lines",
        file=path,
        line=int(words.line[again]),
    )
