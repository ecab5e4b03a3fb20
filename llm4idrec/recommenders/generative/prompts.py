"""The prompts of OpenP5, cut into the stretches of fixed text between their slots."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from llm4idrec.data.interactions import LongArray

SEQUENTIAL = (
    "Considering user_{user} has interacted with items {history} . "
    "What is the next recommendation for the user ?",
    "Here is the purchase history of user_{user} : item {history} . "
    "I wonder what is the next recommended item for the user .",
    "user_{user} has purchased items {history} , predict next possible item to be bought by "
    "the user ?",
    "What would user_{user} be likely to purchase next after buying items {history} ?",
    "After buying items {history} , what is the next item that could be recommended for "
    "user_{user} ?",
)
"""From the file `prompt.txt` of OpenP5 (Xu et al. 2023), without the name of the data set."""

STRAIGHTFORWARD = (
    "What should we recommend for user_{user} ?",
    "Do you have any suggested items for user_{user} ?",
    "Which recommendation should we provide to user_{user} ?",
    "Can you recommend an item for user_{user} ?",
)
"""From the same file; they show no history."""

_PAD, _USER = -1, -2


def fixed_texts() -> list[str]:
    """Every distinct stretch of fixed text; its place in the list is its piece number."""
    texts = [text for template in (*SEQUENTIAL, *STRAIGHTFORWARD) for text in _split(template)]
    return [text for text in dict.fromkeys(texts) if not text.startswith("{")]


@dataclass(frozen=True)
class Templates:
    """Piece numbers of templates, one a row, in front of the history and behind it.

    Rows 0 to `len(SEQUENTIAL)` - 1 are the sequential ones, the others the straightforward ones.
    """

    front: LongArray
    back: LongArray

    @classmethod
    def all(cls) -> Templates:
        number = {text: place for place, text in enumerate(fixed_texts())} | {"{user}": _USER}
        halves: list[list[list[int]]] = [[], []]
        for template in (*SEQUENTIAL, *STRAIGHTFORWARD):
            front, _, back = template.partition("{history}")
            for half, text in zip(halves, (front, back), strict=True):
                half.append([number[part] for part in _split(text)])
        return cls(*map(_table, halves))

    def fill(self, template: LongArray, user: LongArray, history: LongArray) -> LongArray:
        """Pieces of each prompt, shape (n, some width), with -1 at places that stay empty.

        `template` (n,) are rows, `user` (n,) and `history` (n, h) pieces; a history has -1 at
        empty places, and must have nothing else for a straightforward template.
        """
        parts = self.front[template], history, self.back[template]
        pieces = np.concatenate(parts, axis=1)
        return np.where(pieces == _USER, user[:, None], pieces)


def _split(template: str) -> list[str]:
    """Slots and the stretches of text between them."""
    parts = (part.strip() for part in re.split(r"(\{\w+\})", template))
    return [part for part in parts if part]


def _table(rows: list[list[int]]) -> LongArray:
    table = np.full((len(rows), max(map(len, rows))), _PAD)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
