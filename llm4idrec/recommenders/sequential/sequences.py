"""Item sequences of different lengths, and batches of them packed into rows of one width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.recommenders.ranking import seen_places


@dataclass(frozen=True, eq=False)
class Sequences:
    """m sequences end to end: `items` (n,), of which sequence i has `lengths[i]`, both int64."""

    items: LongArray
    lengths: LongArray

    @classmethod
    def of(cls, history: Interactions, users: IntArray, n_items: int) -> Sequences:
        """The items of each user in the order of `history`, but for those from `n_items` on."""
        row, item = seen_places(users, history, n_items)
        return cls(item, np.bincount(row, minlength=len(users)))

    @classmethod
    def latest(
        cls, history: Interactions, users: IntArray, *, n_items: int, max_length: int
    ) -> Sequences:
        """The last items of each user, `max_length` at most, as `of` has them."""
        return cls.of(history, users, n_items).ending(max_length)

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def starts(self) -> LongArray:
        """Place in `items` of each sequence's first item, shape (m,)."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def owner(self) -> LongArray:
        """Number of the sequence that each item belongs to, shape (n,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def place(self) -> LongArray:
        """Place of each item within its sequence, from 0, shape (n,)."""
        return np.arange(len(self.items)) - self.starts[self.owner]

    def cut(self, starts: LongArray, lengths: LongArray) -> Self:
        """Stretches of `items`; each may be anywhere."""
        first = np.cumsum(lengths) - lengths
        index = np.arange(lengths.sum()) + np.repeat(starts - first, lengths)
        return type(self)(self.items[index], lengths)

    def take(self, order: LongArray) -> Self:
        """Some of the sequences, in this order."""
        return self.cut(self.starts[order], self.lengths[order])

    def ending(self, length: int) -> Self:
        """The last `length` items of each sequence, or all where there are fewer."""
        lengths = np.minimum(self.lengths, length)
        return self.cut(self.starts + self.lengths - lengths, lengths)

    def pieces(
        self, length: int, draw: np.random.Generator, *, overlap: int
    ) -> tuple[Self, LongArray]:
        """The sequences in pieces of `length` items, and of which sequence each is, (pieces,).

        A piece begins with the last `overlap` items of the one before it, so that every item but
        the first `overlap` of a sequence stands behind so many others in one piece and no more.
        Where a longer sequence is cut first is drawn; its first and last piece may be shorter.
        """
        step = length - overlap
        rest = np.maximum(self.lengths - overlap, 0)
        offset = np.where(rest > step, draw.integers(0, step, len(self)), 0)
        count = -(-(rest + offset) // step)
        owner = np.repeat(np.arange(len(self)), count)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        first = number * step - offset[owner]
        stop = np.minimum(first + length, self.lengths[owner])
        first = np.maximum(first, 0)
        return self.cut(self.starts[owner] + first, stop - first), owner

    def append(self, item: int) -> Self:
        """Each sequence followed by the same item."""
        ends = np.cumsum(self.lengths)
        return type(self)(np.insert(self.items, ends, item), self.lengths + 1)


class Batch(NamedTuple):
    """Sequences side by side in rows; none runs over the end of its row.

    A rectangle as wide as the longest history would be nine tenths empty where most are short.
    """

    items: Tensor
    """Shape (rows, width); empty slots have the number that `pack` was given."""
    places: Tensor
    """Shape (rows, width): how far each item is from the end of its sequence, the last one 0."""
    owner: Tensor
    """Shape (rows, width): number of the sequence, -1 in empty slots."""
    slots: Tensor
    """Shape (n,): where in the flattened rows each item is, in the order of the sequences."""
    span: slice
    """Where the same n items are in `Sequences.items`."""

    @property
    def last(self) -> Tensor:
        """Slots of the last items of the sequences that have any, in their order."""
        return self.slots[self.places.view(-1)[self.slots] == 0]

    def join(self, other: Batch) -> Batch:
        """The rows of both, these first; `span` stays that of this batch."""
        shifted = other.slots + self.items.numel()
        return Batch(
            torch.cat((self.items, other.items)),
            torch.cat((self.places, other.places)),
            torch.cat((self.owner, other.owner)),
            torch.cat((self.slots, shifted)),
            self.span,
        )

    def attention(self, causal: bool) -> Tensor:
        """What is added to attention logits, (rows, 1, width, width): 0 for a look that is allowed.

        An item looks at its own sequence and, when `causal`, not at what comes later; else -inf.
        """
        allowed = self.owner[:, :, None] == self.owner[:, None, :]
        if causal:
            allowed = allowed.tril()
        mask = torch.zeros(allowed.shape, device=allowed.device)
        return mask.masked_fill_(~allowed, -torch.inf)[:, None]


def pack(
    sequences: Sequences, batch_size: int, *, width: int, empty: int, device: torch.device
) -> Iterator[Batch]:
    """Batches of `batch_size` sequences in their order, all laid out at once.

    `width` is how many slots a row has, at least the longest length; `empty` fills slots without an
    item. All of a batch is on `device`.
    """
    lengths = sequences.lengths
    table = np.zeros((-(-len(lengths) // batch_size), batch_size), np.int64)
    table.flat[: len(lengths)] = lengths
    row, offset, rows = _first_fit(table, width)
    tops = np.concatenate(([0], np.cumsum(rows)))
    first = ((tops[:-1, None] + row) * width + offset).flat[: len(lengths)]
    slots = np.repeat(first, lengths) + sequences.place
    places = lengths[sequences.owner] - 1 - sequences.place

    def lay_out(values: LongArray, fill: int) -> Tensor:
        laid = np.full((tops[-1], width), fill, np.int64)
        laid.flat[slots] = values
        return torch.from_numpy(laid).to(device)

    items, owner = lay_out(sequences.items, empty), lay_out(sequences.owner, -1)
    place = lay_out(places, 0)
    ends = np.concatenate(([0], np.cumsum(table.sum(1))))
    for number in range(len(rows)):
        here = slice(tops[number], tops[number + 1])
        span = slice(ends[number], ends[number + 1])
        local = torch.from_numpy(slots[span] - tops[number] * width).to(device)
        yield Batch(items[here], place[here], owner[here], local, span)


def _first_fit(lengths: LongArray, width: int) -> tuple[LongArray, LongArray, LongArray]:
    """Lay out each line of `lengths`, shape (batches, size): row and offset of every entry
    (batches, size), and the number of rows (batches,).

    The longest come first, and each goes to the first row that has room for it.
    """
    order = np.argsort(-lengths, axis=1, kind="stable")
    # First fit leaves at most one row half empty or more.
    free = np.full((len(lengths), 2 * lengths.sum(1).max(initial=0) // width + 1), width)
    row, offset = np.empty_like(lengths), np.empty_like(lengths)
    batch = np.arange(len(lengths))
    for entry in order.T:
        length = lengths[batch, entry]
        fitting = np.argmax(free >= length[:, None], axis=1)
        row[batch, entry], offset[batch, entry] = fitting, width - free[batch, fitting]
        free[batch, fitting] -= length
    return row, offset, (free < width).sum(1)
