"""The model's probability of every item as the next one, averaged over views of a history."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from llm4idrec.candidates import SCHEMA
from llm4idrec.errors import InputError
from llm4idrec.sampling import Reader


def item_tokens(catalogue: list[list[int]]) -> Tensor:
    """The token of each item, int64 (n_items,); `InputError` if an item takes several."""
    if max(map(len, catalogue)) > 1:
        raise InputError(
            "the tokenizer of the base model writes an item in several tokens",
            "one token an item, as in the compact model, for generation.method next_item",
            "set generation.method to sample",
        )
    return torch.tensor(catalogue)[:, 0]


class NextItems:
    """Adds up, for some users, what views of their histories say about unseen items.

    `seen` holds the row and item of what each of the `rows` users has already, both (n,); `n` is
    how many items get a vote from each view.
    """

    def __init__(self, rows: int, items: Tensor, seen: tuple[Tensor, Tensor], n: int) -> None:
        self._items, self._n = items, min(n, len(items))
        self._unseen = torch.ones(rows, len(items), dtype=torch.bool, device=items.device)
        self._unseen[seen] = False
        self._sum = torch.zeros(rows, len(items), device=items.device)
        self._votes = torch.zeros(rows, len(items), dtype=torch.int32, device=items.device)
        self._views = torch.zeros(rows, 1, device=items.device)

    @torch.inference_mode()
    def add(self, model: Any, questions: list[list[int]], padding: int, rows: Tensor) -> None:
        """Ask the model for the first item of each answer; `rows` (questions,) says whose it is.

        Probabilities are those given that the next token is an item.
        """
        views = Reader(model, questions, padding).logits()[:, self._items].softmax(1)
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
