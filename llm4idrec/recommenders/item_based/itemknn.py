"""ItemKNN: items similar to those of the history (Deshpande and Karypis 2004)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from llm4idrec.config.recommenders import ItemKNNConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.base import ClosedForm
from llm4idrec.recommenders.item_based.history import (
    history_matrix,
    history_state,
    restored_history,
    without_time,
)
from llm4idrec.recommenders.ranking import rank_scores

_SIMILARITIES_A_CHUNK = 1 << 22


class ItemKNN(ClosedForm):
    """Scores an item by the sum of its similarities to the items of the user's history.

    Items that are not similar to any of them follow by popularity.
    """

    settings_type: ClassVar[type[ItemKNNConfig]] = ItemKNNConfig
    settings: ItemKNNConfig

    def learn(self, train: Interactions) -> None:
        self._history = without_time(train)
        self._users = history_matrix(self._history)
        settings = self.settings
        similar = similar_items(self._users, settings.neighbours, settings.shrinkage)
        self._similar = similar.T.tocsr()

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        counts = torch.from_numpy(self._history.item_counts).float()
        by_count = counts - counts.max() - 1

        def score(chunk: IntArray) -> Tensor:
            scores = torch.from_numpy((self._users[chunk] @ self._similar).toarray())
            return torch.where(scores > 0, scores, by_count)

        return rank_scores(score, users, k, seen=seen, n_items=self._history.n_items)

    def state(self) -> dict[str, Tensor]:
        return {
            **history_state(self._history),
            "similar_offsets": torch.from_numpy(self._similar.indptr.copy()),
            "similar_items": torch.from_numpy(self._similar.indices.copy()),
            "similarities": torch.from_numpy(self._similar.data.copy()),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        names = ("similarities", "similar_items", "similar_offsets")
        parts = tuple(state[name].cpu().numpy() for name in names)
        n_items = len(parts[-1]) - 1
        self._similar = csr_array(parts, shape=(n_items, n_items))
        self._history = restored_history(state, n_items)
        self._users = history_matrix(self._history)


def similar_items(users: csr_array, neighbours: int, shrinkage: float) -> csr_array:
    """The most similar others of each item, a row an item, CSR (n_items, n_items), float32.

    `users` is (n_users, n_items). Users are scaled to length 1, so that long histories say less,
    and items compared by their cosine (Deshpande and Karypis 2004), u.v / (|u| |v| + shrinkage).
    Items that nobody took together are not similar.
    """
    n_items = users.shape[1]
    lengths = np.sqrt(np.maximum(np.diff(users.indptr), 1))
    rows = (users / lengths.astype(np.float32)[:, None]).tocsr()
    columns = rows.T.tocsr()
    sizes = np.sqrt(columns.power(2).sum(axis=1))
    step = max(1, _SIMILARITIES_A_CHUNK // n_items)
    chunks = [
        _most_similar(
            columns[start : start + step] @ rows,
            sizes,
            start=start,
            neighbours=neighbours,
            shrinkage=shrinkage,
        )
        for start in range(0, n_items, step)
    ]
    similar: csr_array = vstack(chunks, format="csr")
    return similar


def _most_similar(
    products: csr_array,
    sizes: npt.NDArray[np.float32],
    *,
    start: int,
    neighbours: int,
    shrinkage: float,
) -> csr_array:
    """Rows `start`, `start` + 1, ... of `similar_items` from the inner products of their items.

    `products` is (rows, n_items), `sizes` (n_items,) are the lengths of the items' vectors; of each
    row the largest `neighbours` are kept, and `shrinkage` is added to what the products are divided
    by.
    """
    n, n_items = products.shape
    row, column = np.repeat(np.arange(n), np.diff(products.indptr)), products.indices
    cosine = products.data / (sizes[row + start] * sizes[column] + np.float32(shrinkage))
    dense = np.zeros((n, n_items), np.float32)
    dense[row, column] = np.where(column == row + start, 0, cosine)
    top = torch.from_numpy(dense).topk(min(neighbours, n_items))
    similarity, item = top.values.numpy(), top.indices.numpy()
    kept = similarity > 0
    offsets = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    return csr_array((similarity[kept], item[kept], offsets), shape=(n, n_items))
