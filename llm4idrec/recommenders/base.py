"""The interface of every recommender."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm4idrec.config.recommenders import RecommenderConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.errors import InputError
from llm4idrec.recommenders.validation import Record, Training, Validation
from llm4idrec.runtime.files import read_json, replacing_folder, write_json


def require_time(*, has_time: bool) -> None:
    """Raises `InputError` where histories have no order that a model could continue."""
    if not has_time:
        raise InputError(
            "the interactions have no time",
            "a time for a sequential recommender",
            "set data.timestamp, or take it out of `recommenders`",
        )


class Recommender(ABC):
    """Learns from interactions, then ranks the catalogue for a user.

    Everything random derives from `seed`: on a CPU the same seed, data and number of threads give
    the same bits; on cuda sums may round in another order.
    """

    settings_type: ClassVar[type[RecommenderConfig]]
    """Class of the settings, of `config/recommenders/`."""

    def __init__(self, settings: RecommenderConfig, seed: int = 0, device: str = "cpu") -> None:
        self.settings = settings
        self.seed = seed
        self.device = torch.device(device)

    @abstractmethod
    def fit(
        self, train: Interactions, validation: Validation | None = None, epochs: int | None = None
    ) -> Training:
        """Learn `train` from scratch and return how it went."""

    @abstractmethod
    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        """The k best items of each user that are not in `seen`, shape (len(users), k), best first.

        Rows end in `NO_ITEM` where fewer than k items are left. A user who had no history gets
        distinct unseen items too, in an order that means nothing. `seen` is what each user is known
        to have. Sequential and generative models continue `history`, by default `seen`: it may hold
        generated items too, as what they were fitted on did. The others go by what they were fitted
        on.
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


class ClosedForm(Recommender):
    """A recommender that learns in one go."""

    @abstractmethod
    def learn(self, train: Interactions) -> None:
        """Forget what was learned and learn `train`."""

    def fit(
        self, train: Interactions, validation: Validation | None = None, epochs: int | None = None
    ) -> Training:
        """Learn `train`; the whole of it is one epoch, without a loss."""
        self.learn(train)
        scores = validation.scores(self) if validation else {}
        return Training((Record(1, 0.0, scores),), 1, scores)
