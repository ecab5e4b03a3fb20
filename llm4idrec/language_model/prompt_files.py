"""Prompts on disk, and in little memory."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.data.interactions import LongArray
from llm4idrec.errors import InputError
from llm4idrec.language_model.prompts import (
    PROMPTS,
    Kind,
    Prompt,
    filled,
    parse_prompt,
    question_text,
)
from llm4idrec.runtime.files import read_table, replacing_file

_LINE = '{{"user": {user}, "kind": "{kind}", "prompt": "{prompt}", "answer": "{answer}"}}\n'
_KINDS: tuple[Kind, ...] = ("fully", "randomly")
_UNNAMED = -1


class PackedPrompts:
    """Prompts in a few arrays: a hundred bytes each, where objects would take eight hundred."""

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        items, users, kinds, words, bounds = (array(code) for code in "iibbq")
        bounds.append(0)
        for prompt in prompts:
            users.append(_UNNAMED if prompt.user is None else prompt.user)
            kinds.append(_KINDS.index(prompt.kind))
            words.append(prompt.words)
            for part in (prompt.history, prompt.answer):
                items.extend(part)
                bounds.append(len(items))
        self._users, self._kinds, self._words = users, kinds, words
        self._items, self._bounds = np.asarray(items), np.asarray(bounds)

    def __len__(self) -> int:
        return len(self._users)

    def __getitem__(self, row: int) -> Prompt:
        row = range(len(self))[row]
        start, cut, end = self._bounds[2 * row : 2 * row + 3].tolist()
        user = self._users[row]
        return Prompt(
            None if user == _UNNAMED else user,
            _KINDS[self._kinds[row]],
            tuple(self._items[start:cut].tolist()),
            tuple(self._items[cut:end].tolist()),
            bool(self._words[row]),
        )

    def __iter__(self) -> Iterator[Prompt]:
        return map(self.__getitem__, range(len(self)))

    @property
    def lengths(self) -> tuple[LongArray, LongArray]:
        """How many items each history has, and each answer, both (n,)."""
        lengths = np.diff(self._bounds)
        return lengths[::2], lengths[1::2]

    @property
    def n_items(self) -> int:
        """One more than the largest item."""
        return 1 + int(self._items.max())


def write_prompts(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write JSON lines, or Parquet where the name ends so, from tables of `PROMPTS`.

    `read_prompts` gives the prompts back. Texts are those of `QUESTIONS`: JSON escapes none of it.
    """
    with replacing_file(path) as partial:
        if path.suffix == ".parquet":
            with pq.ParquetWriter(partial, PROMPTS) as writer:
                for table in tables:
                    writer.write_table(table)
            return
        with partial.open("wb") as file:
            for table in tables:
                lines = _lines(table)
                whole = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")
                file.write(whole[0].as_buffer())


def _lines(prompts: pa.Table) -> pa.Array:
    """A line of JSON a prompt."""
    columns = {name: prompts[name].combine_chunks() for name in PROMPTS.names}
    columns["user"] = pc.fill_null(columns["user"].cast(pa.string()), "null")
    return filled(_LINE, columns)


def read_prompts(path: Path) -> PackedPrompts:
    """Parse every prompt of a file from its text; `InputError` names a line that does not parse."""
    return PackedPrompts(_parsed(path))


def _parsed(path: Path) -> Iterator[Prompt]:
    for line, row in enumerate(_rows(path), 1):
        prompt = None
        match row:
            case {
                "prompt": str(question),
                "answer": str(answer),
                "kind": ("fully" | "randomly") as kind,
            }:
                prompt = parse_prompt(question, answer, kind)
        if prompt is None:
            raise InputError(
                "the prompt or its answer does not follow the template",
                f"a question like {question_text(12, (34, 56), words=True)!r} "
                "with an answer like 'i7,i8'",
                file=path,
                line=line,
            )
        yield prompt


def _rows(path: Path) -> Iterator[object]:
    if path.suffix == ".parquet":
        for batch in read_table(path).to_batches(max_chunksize=1 << 16):
            yield from batch.to_pylist()
        return
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _row(line, path, number)
    except OSError as error:
        raise InputError(f"not a file of prompts ({error.strerror})", file=path) from error


def _row(line: bytes, path: Path, number: int) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not JSON ({error})", "a prompt a line", file=path, line=number
        ) from error
