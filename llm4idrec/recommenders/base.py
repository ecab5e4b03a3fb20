"""The interface of every recommender, and the ranking that embedding models share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm4idrec.config import MFConfig
from llm4idrec.errors import InputError
from llm4idrec.files import read_json, replacing_folder, write_json
from llm4idrec.interactions import IntArray, Interactions
from llm4idrec.recommenders.training import Training, Validation, run_epochs

NO_ITEM = -1
"""Stands in `recommend`'s answer where a user has no item left."""

_SCORES_A_CHUNK = 1 << 22


class Recommender(ABC):
    """Learns from pairs, then ranks the catalogue for a user.

    A subclass says how to start, how to train one epoch and how to rank; it need not have a score
    for every pair. Everything random derives from `seed`: on a CPU the same seed, data and number
    of threads give the same bits; on cuda sums may round in another order.
    """

    settings_type: ClassVar[type[MFConfig]]
    """Class of the settings in `config.py`."""

    def __init__(self, settings: MFConfig, seed: int = 0, device: str = "cpu") -> None:
        self.settings = settings
        self.seed = seed
        self.device = torch.device(device)

    def fit(
        self, train: Interactions, validation: Validation | None = None, epochs: int | None = None
    ) -> Training:
        """Train from scratch and return how it went.

        With `validation`, stop after `settings.patience` validations without a better score and
        go back to the best one's epoch. Without, train `epochs` (default `settings.max_epochs`).

        Raises `DivergenceError` when the loss is not finite.
        """
        self.start(train)
        return run_epochs(self, epochs or self.settings.max_epochs, validation)

    @abstractmethod
    def start(self, train: Interactions) -> None:
        """Forget what was learned and make ready to train on `train`."""

    @abstractmethod
    def train_epoch(self) -> float:
        """Pass once over the data given to `start`; return the mean loss."""

    @abstractmethod
    def recommend(self, users: IntArray, k: int, seen: Interactions) -> IntArray:
        """The k best items of each user that are not in `seen`, shape (len(users), k), best first.

        Rows end in `NO_ITEM` where fewer than k items are left. A user who had no history in
        training gets distinct unseen items too, in an order that means nothing.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that `recommend` needs, as tensors that later training does not change."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Recommend from now on as when `state` was taken."""

    def save(self, folder: Path) -> None:
        """Write `model.safetensors` and `recommender.json`."""
        with replacing_folder(folder) as partial:
            save_file(self.state(), partial / "model.safetensors")
            about = {"seed": self.seed, "settings": self.settings.model_dump(mode="json")}
            write_json(partial / "recommender.json", about)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read what `save` of the same class wrote; it recommends the same.

        Raises `InputError` if a file is missing or is not what `save` wrote.
        """
        try:
            about = read_json(folder / "recommender.json")
            settings = cls.settings_type.model_validate(about["settings"])
            recommender = cls(settings, about["seed"], device)
            recommender.restore(load_file(folder / "model.safetensors", device=device))
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"not a saved {cls.__name__} ({reason})",
                "recommender.json and model.safetensors",
                "fit and save it again",
                file=folder,
            ) from error
        return recommender


class EmbeddingRecommender(Recommender):
    """A recommender whose score is the inner product of a user's and an item's vector.

    A subclass drops `_vectors` when it trains; they are made again when somebody ranks.
    """

    _vectors: tuple[Tensor, Tensor] | None = None

    @abstractmethod
    def make_vectors(self) -> tuple[Tensor, Tensor]:
        """New tensors (n_users, d) and (n_items, d) from what was learned so far."""

    @property
    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of users and of items, shapes (n_users, d) and (n_items, d)."""
        if self._vectors is None:
            self._vectors = self.make_vectors()
        return self._vectors

    def state(self) -> dict[str, Tensor]:
        return dict(zip(("users", "items"), self.vectors, strict=True))

    def restore(self, state: dict[str, Tensor]) -> None:
        self._vectors = state["users"], state["items"]

    @torch.no_grad()
    def recommend(self, users: IntArray, k: int, seen: Interactions) -> IntArray:
        user_vectors, item_vectors = self.vectors
        n_items = len(item_vectors)
        best = np.full((len(users), k), NO_ITEM, np.int32)
        step = max(1, _SCORES_A_CHUNK // n_items)
        for start in range(0, len(users), step):
            chunk = users[start : start + step]
            rows = torch.from_numpy(chunk.astype(np.int64)).to(self.device)
            scores = user_vectors[rows] @ item_vectors.T
            row, item = seen_places(chunk, seen, n_items)
            scores.view(-1)[torch.from_numpy(row * n_items + item).to(self.device)] = -torch.inf
            top = scores.topk(min(k, n_items))
            items = top.indices.masked_fill(top.values == -torch.inf, NO_ITEM)
            best[start : start + step, : items.shape[1]] = items.cpu().numpy()
        return best


def seen_places(
    users: IntArray, seen: Interactions, n_items: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Row (place in `users`) and item of every pair in `seen`, items of the catalogue only."""
    starts = seen.offsets[users]
    lengths = seen.offsets[users + 1] - starts
    row = np.repeat(np.arange(len(users)), lengths)
    first = np.cumsum(lengths) - lengths
    item = seen.item[np.arange(len(row)) + (starts - first)[row]].astype(np.int64)
    known = item < n_items
    return row[known], item[known]
