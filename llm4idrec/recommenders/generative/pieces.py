"""Prompts as sequences of pieces, and pieces as tokens, for many prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from llm4idrec.data.interactions import LongArray
from llm4idrec.recommenders.generative.vocabulary import PAD, Vocabulary


@dataclass(frozen=True)
class Pieces:
    """Tokens of every piece one after another: those of piece p are `tokens[starts[p]:...]`.

    Pieces are the fixed texts, then the users, then the items.
    """

    tokens: LongArray
    starts: LongArray

    @classmethod
    def of(cls, texts: Sequence[str], vocabulary: Vocabulary) -> Pieces:
        rows = [vocabulary.encode(text) for text in texts]
        starts = np.cumsum([0, *map(len, rows)])
        return cls(np.concatenate(rows).astype(np.int64), starts.astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def encode(self, prompts: LongArray) -> Ragged:
        """Prompts (n, width) of pieces, with -1 at empty places, as tokens.

        A piece is a whole word in the sense of P5. Words are counted from a prompt's end, so that
        the newest items have the same numbers however long the history is.
        """
        row, column = np.nonzero(prompts >= 0)
        piece = prompts[row, column]
        behind = (prompts >= 0)[:, ::-1].cumsum(1)[:, ::-1] - 1
        lengths = self.starts[piece + 1] - self.starts[piece]
        ends = np.cumsum(lengths)
        place = np.arange(lengths.sum()) + np.repeat(self.starts[piece] - ends + lengths, lengths)
        counts = np.bincount(row, lengths, len(prompts)).astype(np.int64)
        return Ragged(
            torch.from_numpy(self.tokens[place]),
            torch.from_numpy(np.repeat(behind[row, column], lengths)),
            torch.from_numpy(np.concatenate(([0], np.cumsum(counts)))),
        )


@dataclass(frozen=True)
class Ragged:
    """Token sequences of different lengths: row r is `tokens[starts[r]:starts[r + 1]]`."""

    tokens: Tensor
    words: Tensor
    """Number of the whole word that each token belongs to."""
    starts: Tensor

    @property
    def lengths(self) -> Tensor:
        return self.starts[1:] - self.starts[:-1]

    def batch(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Tokens and words of some rows, each (len(rows), longest), filled up with `PAD` and 0."""
        lengths = self.lengths[rows]
        column = torch.arange(int(lengths.max()))
        inside = column < lengths[:, None]
        place = torch.where(inside, self.starts[rows][:, None] + column, 0)
        tokens = torch.where(inside, self.tokens[place], PAD)
        return tokens.to(device), torch.where(inside, self.words[place], 0).to(device)


def bucketed(lengths: Tensor, size: int, order: Tensor) -> list[Tensor]:
    """Batches of at most `size` rows, in random order, of rows of about equal length.

    `order` is a random permutation of the rows. Each run of 20 batches in it is sorted by length
    and cut, so that a batch has little padding and batches still differ from epoch to epoch.
    """
    batches: list[Tensor] = []
    for run in torch.split(order, 20 * size):
        batches += torch.split(run[lengths[run].argsort(stable=True)], size)
    place = order[order < len(batches)]
    return [batches[number] for number in place.tolist()]
