"""What of a request is left out, in a sentence that a request in parts says once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

SHOWN = 5


@dataclass(frozen=True)
class Omission:
    """IDs of one kind.

    >>> print(Omission.of("users not known", ["anna", 7]))
    users not known, left out: 2 ('anna', 7)
    """

    which: str
    count: int
    first: tuple[str, ...]
    """As they are written in Python, each once; one more than are shown says that there are more.
    """
    advice: str | None = None

    @classmethod
    def of(cls, which: str, ids: Iterable[Any], advice: str | None = None) -> Self:
        """Of these, in their order."""
        names = [repr(one) for one in ids]
        return cls(which, len(names), _distinct(names), advice)

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Of the parts of a request, one at least; advice is kept that all of them give."""
        which, advice = parts[0].which, parts[0].advice
        agreed = advice if all(part.advice == advice for part in parts) else None
        first = _distinct(chain.from_iterable(part.first for part in parts))
        return cls(which, sum(part.count for part in parts), first, agreed)

    def __str__(self) -> str:
        some = ", ".join(self.first[:SHOWN]) + ", ..." * (len(self.first) > SHOWN)
        told = f"{self.which}, left out: {self.count} ({some})"
        return told + (f"; {self.advice}" if self.advice else "")


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[: SHOWN + 1]
