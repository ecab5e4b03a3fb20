"""The model's probability of every item as the next one, averaged over views of a history."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from llm4idrec.data.candidates import SCHEMA
from llm4idrec.generation.inner_tree import InnerTree
from llm4idrec.generation.reader import Reader
from llm4idrec.nn.catalogue_trie import CatalogueTrie


class ItemProbabilities:
    """What a model says of every item of a catalogue, given that an item comes next.

    Only where the trie branches is anything to be asked: after the question, and after the first
    tokens of items that go on differently. The whole tree is read in one pass behind the question,
    so that an item may take any number of tokens.
    """

    def __init__(self, model: Any, trie: CatalogueTrie, padding: int) -> None:
        self._model, self._trie, self._padding = model, trie, padding
        self._tree = InnerTree(trie)
        self._levels = [(node, *trie.children(node)) for node in self._tree.levels()]

    @torch.inference_mode()
    def __call__(self, questions: list[list[int]]) -> Tensor:
        """Float32 (questions, n_items); a row adds up to 1."""
        trie, tree = self._trie, self._tree
        reader = Reader(self._model, questions, self._padding, wanted=trie.alphabet)
        logits = reader.logits()[:, None]
        if len(tree.depth):
            below = reader.branches(trie.alphabet[tree.column], tree.depth, tree.above)
            logits = torch.cat((logits, below), 1)
        reached = logits.new_ones(len(questions), trie.n_nodes)
        # The chain rule down the trie: a node's probability is its parent's, shared out by a
        # softmax over the tokens that go on to an item, the only ones that could have come.
        for node, column, child, inside in self._levels:
            # Where there is one child only, nothing was read, and any logit gives it all.
            options = logits[:, tree.place[node][:, None], column]
            share = options.masked_fill(~inside, -torch.inf).softmax(2)
            reached[:, child[inside]] = (reached[:, node, None] * share)[:, inside]
        return reached[:, trie.leaf]


class NextItems:
    """Adds up, for some users, what views of their histories say about unseen items.

    `seen` holds the row and item of what each of the `rows` users has already, both (n,); `n` is
    how many items get a vote from each view.
    """

    def __init__(self, rows: int, n_items: int, *, seen: tuple[Tensor, Tensor], n: int) -> None:
        self._n, device = min(n, n_items), seen[0].device
        self._unseen = torch.ones(rows, n_items, dtype=torch.bool, device=device)
        self._unseen[seen] = False
        self._sum = torch.zeros(rows, n_items, device=device)
        self._votes = torch.zeros(rows, n_items, dtype=torch.int32, device=device)
        self._views = torch.zeros(rows, 1, device=device)

    @torch.inference_mode()
    def add(self, views: Tensor, rows: Tensor) -> None:
        """Take `views` (views, n_items), probabilities; `rows` (views,) says whose each is."""
        self._sum.index_add_(0, rows, views)
        self._views.index_add_(0, rows, torch.ones_like(views[:, :1]))
        best = views.masked_fill_(~self._unseen[rows], -1.0).topk(self._n).indices
        one = torch.ones_like(best, dtype=torch.int32)
        self._votes.index_put_((rows[:, None], best), one, accumulate=True)

    def candidates(self, users: npt.NDArray[np.int64]) -> pa.Table:
        """The n unseen items of largest mean probability, as rows of `candidates.SCHEMA`.

        `users` (rows,) are the users' numbers, ascending.
        """
        mean = (self._sum / self._views).masked_fill_(~self._unseen, -1.0)
        p, item = mean.topk(self._n)
        votes = self._votes.gather(1, item)
        row, place = (index.cpu().numpy() for index in (p >= 0).nonzero(as_tuple=True))
        item_, p_, votes_ = (part.cpu().numpy()[row, place] for part in (item, p, votes))
        columns = {
            "user": users[row],
            "text": np.char.add("i", item_.astype(str)),
            "item": item_,
            "votes": votes_,
            "mentions": votes_,
            "mean_log_probability": np.log(np.maximum(p_, np.finfo(np.float32).tiny)),
            "rank": place + 1,
        }
        return pa.table({name: pa.array(column) for name, column in columns.items()}).cast(SCHEMA)
