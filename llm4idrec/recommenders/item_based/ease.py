"""EASE: a linear model from items to items, solved in closed form (Steck 2019)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import InputError
from llm4idrec.recommenders.base import ClosedForm
from llm4idrec.recommenders.item_based.history import (
    history_matrix,
    history_state,
    restored_history,
    without_time,
)
from llm4idrec.recommenders.ranking import rank_scores, seen_places
from llm4idrec.runtime.memory import machine_bytes

LARGEST_CATALOGUE = 20_000
"""Most items for which EASE is a control or orders candidates: 1.6 GB, two minutes to solve."""

_COUNTS_A_CHUNK = 1 << 24


class EASE(ClosedForm):
    """Scores an item by the sum of its weights from the items of the user's history.

    Its weights are a dense n_items x n_items matrix of float32, in memory twice while it is saved.
    """

    settings_type: ClassVar[type[EASEConfig]] = EASEConfig
    settings: EASEConfig

    def learn(self, train: Interactions) -> None:
        """Raises `InputError` if the memory cannot hold the matrices, or `l2` is too small."""
        require_memory(train.n_items, self.device)
        self._history = without_time(train)
        gram = torch.from_numpy(_taken_together(self._history)).to(self.device)
        self._weights = item_weights(gram, self.settings.l2)

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        n_items = self._history.n_items

        def score(chunk: IntArray) -> Tensor:
            _, items = seen_places(chunk, self._history, n_items)
            lengths = self._history.history_lengths[chunk]
            taken, starts = (
                torch.from_numpy(array).to(self.device)
                for array in (items, np.cumsum(lengths) - lengths)
            )
            return embedding_bag(taken, self._weights, starts, mode="sum")

        return rank_scores(score, users, k, seen=seen, n_items=n_items)

    def state(self) -> dict[str, Tensor]:
        return {**history_state(self._history), "weights": self._weights}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._weights = state["weights"]
        self._history = restored_history(state, len(self._weights))


def _taken_together(history: Interactions) -> npt.NDArray[np.float32]:
    """X'X, (n_items, n_items): how many users took both items. By blocks: as sparse matrix it may
    take thrice the memory."""
    users = history_matrix(history)
    items = users.T.tocsr()
    gram = np.empty((history.n_items, history.n_items), np.float32)
    step = max(1, _COUNTS_A_CHUNK // history.n_items)
    for start in range(0, history.n_items, step):
        (items[start : start + step] @ users).toarray(out=gram[start : start + step])
    return gram


def item_weights(gram: Tensor, l2: float) -> Tensor:
    """The weights B, (n, n), with P = (X'X + l2 I)^-1 (Steck 2019, eq. 8), in place of `gram`.

    B is 0 on the diagonal and -P_ij / P_jj elsewhere. `gram` is X'X, contiguous and float32, which
    ranks as float64 does. Raises `InputError` if l2 is too small to solve in float32.
    """
    gram.diagonal().add_(l2)
    columns = gram.mT  # LAPACK's order: it then needs no second matrix; both are symmetric
    info = torch.empty((), dtype=torch.int32, device=gram.device)
    torch.linalg.cholesky_ex(columns, out=(columns, info))
    if info.item():
        raise InputError(f"ease.l2 is {l2:g}, too small to solve", remedy="raise it")
    torch.cholesky_inverse(columns, out=columns)
    gram /= -gram.diagonal().clone()
    return gram.fill_diagonal_(0)


def require_memory(n_items: int, device: torch.device) -> None:
    """`InputError` if what `device` has cannot hold the matrices of so many items."""
    on_gpu = device.type == "cuda"
    there = torch.cuda.mem_get_info(device)[0] if on_gpu else machine_bytes()
    needed = 2 * n_items**2 * torch.float32.itemsize
    if needed > there:
        raise InputError(
            f"EASE needs {needed / 1e9:.1f} GB for {n_items} items",
            f"at most the {there / 1e9:.1f} GB that {device.type} has",
            "raise data.k_core, or take ease out of `recommenders` and `controls` and set "
            "filter.agreement to 0",
        )
