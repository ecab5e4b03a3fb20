"""How the columns of a text are parted, quoted and named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError

STAND_IN = "\x1f"
"""ASCII's own separator, in the place of one that is not a single byte."""


@dataclass(frozen=True)
class Layout:
    """How cells are parted, quoted and named."""

    separator: str
    quoted: bool
    header: bool
    typed: bool = False
    """RecBole's header, whose names end with a colon and a type."""

    @classmethod
    def of(cls, data: DataConfig) -> Self:
        quoted = data.format == "csv"
        separator = data.separator or ("," if quoted else "\t")
        return cls(separator, quoted, data.header, data.format == "recbole")

    @property
    def mark(self) -> str:
        """The separator as Arrow takes it, a single byte."""
        return self.separator if len(self.separator.encode()) == 1 else STAND_IN

    @property
    def lines_above(self) -> int:
        """Lines before the first interaction."""
        return int(self.header)

    def marked(self, content: bytes, path: Path) -> bytes:
        """The text with that byte between its cells."""
        if self.mark == self.separator:
            return content
        if (place := content.find(STAND_IN.encode())) >= 0:
            raise InputError(
                "byte 0x1f stands for data.separator here",
                "none of its own in the file",
                "remove it",
                file=path,
                line=content.count(b"\n", 0, place) + 1,
            )
        return content.replace(self.separator.encode(), STAND_IN.encode())
