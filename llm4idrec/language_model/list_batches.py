"""The lists of users as sequences of tokens, packed into batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.language_model.causal_training import Batch
from llm4idrec.language_model.tokenization import PromptEncoder


class ListTokens:
    """How a list of items is written: `<s> u12 i34 i56 ... </s>`, or `<s> i34 i56 ... </s>` where
    `lists` says that users are not named; `encoder` has the numbers of the tokens."""

    def __init__(
        self, encoder: PromptEncoder, lists: ListsConfig, *, n_users: int, n_items: int
    ) -> None:
        names = encoder.pieces([f"u{user}" for user in range(n_users)]) if lists.users else []
        self._heads = [[*encoder.begin, *name] for name in names]
        self._unnamed = encoder.begin
        self._end = [encoder.end]
        self.padding = encoder.pad
        self.items: LongArray = np.asarray(encoder.catalogue(n_items), np.int64)[:, 0]
        """The token of each item, (n_items,)."""
        self.frame = len(self.head(0)) + 1
        """Tokens that are no items."""

    def head(self, user: int) -> list[int]:
        """What comes before the items of a user."""
        return self._heads[user] if self._heads else self._unnamed

    def question(self, user: int, items: npt.NDArray[np.integer]) -> list[int]:
        """A list that goes on."""
        return [*self.head(user), *self.items[items].tolist()]

    def whole(self, user: int, items: npt.NDArray[np.integer]) -> tuple[list[int], int]:
        """A list to its end, and how many of its tokens do not count in the loss."""
        return [*self.question(user, items), *self._end], len(self.head(user))


class ListBatches:
    """In each epoch every list of `train` once, as `tokens` writes it; where `lists` says that they
    are shuffled, in a new order each time, drawn by `seed`.

    Lists longer than `config.max_length` are cut into pieces. Pieces of similar length share a
    batch of about `config.batch_tokens` tokens.
    """

    def __init__(
        self,
        train: Interactions,
        tokens: ListTokens,
        config: BaseModelConfig,
        *,
        lists: ListsConfig,
        seed: int,
    ) -> None:
        self._train, self._tokens, self._seed = train, tokens, seed
        self._pieces = _cut_pieces(train, config.max_length - tokens.frame)
        lengths = self._pieces[:, 2] - self._pieces[:, 1] + tokens.frame
        self._groups = group_by_length(lengths, config.batch_tokens)
        self._in_time = lists.order == "time"

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self._groups)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Those of one epoch, in random order; the same when asked for again."""
        random = np.random.default_rng((self._seed, number))
        keys = np.lexsort((random.random(len(self._train)), self._train.user))
        shown = self._train.item if self._in_time else self._train.item[keys]
        for group in random.permutation(len(self)).tolist():
            pieces = self._pieces[self._groups[group]].tolist()
            yield Batch.pad(
                [self._tokens.whole(user, shown[start:stop]) for user, start, stop in pieces],
                self._tokens.padding,
            )


def _cut_pieces(train: Interactions, longest: int) -> LongArray:
    """Rows (user, start, stop) that cover all interactions, each at most `longest` long."""
    pieces = [
        (user, start, min(start + longest, int(train.offsets[user + 1])))
        for user in range(train.n_users)
        for start in range(int(train.offsets[user]), int(train.offsets[user + 1]), longest)
    ]
    return np.asarray(pieces, np.int64).reshape(-1, 3)


def group_by_length(lengths: LongArray, tokens: int) -> list[LongArray]:
    """Split row numbers, sorted by length, into groups of about `tokens` padded tokens."""
    groups: list[list[int]] = [[]]
    for row in np.argsort(lengths, kind="stable").tolist():
        if groups[-1] and (len(groups[-1]) + 1) * lengths[row] > tokens:
            groups.append([])
        groups[-1].append(row)
    return [np.asarray(group, np.int64) for group in groups]
