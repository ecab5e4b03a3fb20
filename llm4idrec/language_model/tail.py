"""The ends of some lists: held out of a training that they say when to stop."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import torch

from llm4idrec.config import ListsConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.language_model.list_batches import ListTokens
from llm4idrec.language_model.list_reading import item_vectors, read_lists
from llm4idrec.metrics.ranking import user_metrics

CUTOFF = 20
_USERS, _LEAST, _MOST = 0.2, 200, 10_000
"""Of the users with three items or more, this share has a tail; but no fewer than so many, if there
are, and no more."""
_ITEMS = 0.1
"""Share of a list that is its tail; one item at least."""
_SCORES = 1 << 22
"""Held at once."""


class Tail(NamedTuple):
    """Lists that a model goes on from, and what comes next in each."""

    users: IntArray
    """Ascending, (m,)."""
    histories: list[IntArray]
    """What is left of each one's list, in the order that it is shown in."""
    heldout: Interactions
    """What comes next."""

    @classmethod
    def hold_out(
        cls, train: Interactions, lists: ListsConfig, seed: int
    ) -> tuple[Interactions, Self]:
        """What is left of `train`, and the tail: the last items of the lists of some users, whom
        `seed` draws; of lists that are shuffled, any items. It is nobody's if nobody has three."""
        draw = np.random.default_rng((seed, 1))
        able = np.flatnonzero(train.history_lengths >= 3)
        size = min(len(able), _MOST, max(_LEAST, round(_USERS * len(able))))
        users = np.sort(draw.choice(able, size, replace=False)).astype(np.int32)
        histories, ends = [], []
        for user in users.tolist():
            shown = train.items_of(user)
            shown = draw.permutation(shown) if lists.order == "shuffled" else shown
            cut = len(shown) - max(1, round(_ITEMS * len(shown)))
            histories.append(shown[:cut])
            ends.append(shown[cut:])
        heldout = Interactions(
            np.repeat(users, [len(end) for end in ends]),
            np.concatenate([*ends, np.empty(0, np.int32)]),
            train.n_users,
            train.n_items,
        )
        rest = train.take(~heldout.contains(train.user, train.item))
        return rest, cls(users, histories, heldout)

    @torch.inference_mode()
    def ndcg(self, model: Any, tokens: ListTokens, max_length: int) -> float:
        """The mean over the users of the NDCG at the cutoff among items that are not in what is
        left of a list, 0 without users; `model` reads the end of that, `max_length` tokens with
        their frame."""
        if not len(self.users):
            return 0.0
        longest = max_length - tokens.frame
        asked = [
            tokens.question(user, history[-longest:])
            for user, history in zip(self.users.tolist(), self.histories, strict=True)
        ]
        ends, vectors = read_lists(model, asked, tokens.padding), item_vectors(model, tokens)
        ranked, step = [], max(1, _SCORES // len(vectors))
        for start in range(0, len(ends), step):
            scores = ends[start : start + step] @ vectors.T
            for row, history in enumerate(self.histories[start : start + step]):
                scores[row, torch.from_numpy(history.astype(np.int64))] = -torch.inf
            best = scores.topk(min(CUTOFF, len(vectors))).indices
            ranked.append(torch.nn.functional.pad(best, (0, CUTOFF - best.shape[1]), value=-1))
        found = torch.cat(ranked).cpu().numpy().astype(np.int32)
        metrics = user_metrics(found, self.users, self.heldout, cutoffs=(CUTOFF,))
        return float(metrics[f"ndcg_at_{CUTOFF}"].mean())
