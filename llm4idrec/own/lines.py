"""Text in columns that white space parts, read fast; whatever is wrong is told with its line."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.csv as pacsv

from llm4idrec.data.formats.text import NothingReadError, read_text
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError

_BLOCK = 1 << 24
"""Bytes; no line is longer."""
_WHOLE = re.compile(r"-?\d{1,18}")
_PLAIN = "write plain UTF-8 text"


@dataclass(frozen=True)
class Lines:
    """The lines of a text file; blank ones count as lines and hold nothing."""

    file: Path
    content: bytes
    """With one separator between words and none at the ends of a line."""
    separator: str = " "

    @classmethod
    def read(cls, file: Path, *, tabs: bool = False) -> Self:
        """With `tabs`, words may hold spaces if there is a tab in the first line.

        Raises `InputError` for a file that is missing, empty, or no text.
        """
        try:
            content = read_text(file)
        except NothingReadError as error:
            raise InputError("the file is empty", "a line at least", file=file) from error
        except InputError as error:
            raise error.advising(_PLAIN if file.is_file() else None) from error
        if tabs and b"\t" in content.partition(b"\n")[0]:
            return cls(file, re.sub(rb" *([\t\n]) *", rb"\1", content).lstrip(b" "), "\t")
        content = re.sub(rb"  +", b" ", content.replace(b"\t", b" "))
        content = content.replace(b" \n", b"\n").replace(b"\n ", b"\n")
        return cls(file, content.lstrip(b" "))

    @property
    def width(self) -> int:
        """Number of columns, by the first line that is not blank."""
        return len(next(self._words())[1])

    def columns(self, kinds: Sequence[pa.DataType]) -> list[pa.ChunkedArray]:
        """The first columns, of those kinds: int64, float32 or string.

        Raises `InputError` for a line with fewer or more columns than the first one, and for a word
        that is not of its kind.
        """
        width = self.width
        names = [str(place) for place in range(width)]
        types = dict(zip(names, kinds, strict=False))
        if width < len(kinds):
            raise self._refusal(kinds, "too few columns")
        try:
            table = pacsv.read_csv(
                pa.BufferReader(self.content),
                pacsv.ReadOptions(column_names=names, block_size=_BLOCK),
                pacsv.ParseOptions(delimiter=self.separator, quote_char=False),
                pacsv.ConvertOptions(
                    include_columns=list(types), column_types=types, null_values=[]
                ),
            )
        except pa.ArrowException as error:
            raise self._refusal(kinds, str(error)) from error
        return list(table.columns)

    def line(self, row: int) -> int:
        """Number of the line, from 1, that holds a row, from 0."""
        return next(line for place, (line, _) in enumerate(self._words()) if place == row)

    def _words(self) -> Iterator[tuple[int, list[str]]]:
        """Number and words of each line that is not blank, slowly."""
        for number, line in enumerate(io.BytesIO(self.content), 1):
            if words := line.decode().rstrip("\n"):
                yield number, words.split(self.separator)

    def _refusal(self, kinds: Sequence[pa.DataType], reason: str) -> InputError:
        """What is wrong with the first line that is."""
        width = max(self.width, len(kinds))
        for number, words in self._words():
            if len(words) != width:
                found = f"{len(words)} column{'' if len(words) == 1 else 's'}"
                return InputError(found, f"{width}", file=self.file, line=number)
            for word, kind in zip(words, kinds, strict=False):
                is_one, name = _KINDS[kind]
                if not is_one(word):
                    return InputError(shown(word), name, file=self.file, line=number)
        return InputError(f"cannot be read ({' '.join(reason.split())[:200]})", file=self.file)


def _is_float(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


_KINDS: dict[pa.DataType, tuple[Callable[[str], object], str]] = {
    pa.int64(): (_WHOLE.fullmatch, "a whole number"),
    pa.float32(): (_is_float, "a number"),
    pa.string(): (bool, "a word"),
}
