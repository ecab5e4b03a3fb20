"""A recommender of the user's own, behind the interface of every recommender."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from llm4idrec.config.own import OwnConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.own.function import learned_by_function
from llm4idrec.own.handed_in import HandedIn
from llm4idrec.own.program import learned_by_program
from llm4idrec.recommenders.base import ClosedForm

UNSEEN = 100
"""Items that a ranking has to have beside the longest history: nobody asks for more."""
_SEEDS = 2**31


class OwnRecommender(ClosedForm):
    """Ranks by what a program or a function of the user's hands in, vectors, a ranking or scores.

    What a user is known to have is left out here, not by the program.
    """

    settings_type: ClassVar[type[OwnConfig]] = OwnConfig
    settings: OwnConfig

    def learn(self, train: Interactions) -> None:
        """Raises `InputError` if the program fails or hands in something else than it should."""
        learned = learned_by_program if self.settings.function is None else learned_by_function
        k = min(train.n_items, UNSEEN + int(train.history_lengths.max(initial=0)))
        self._handed_in = learned(self.settings, train, seed=self.seed % _SEEDS, k=k)

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        return self._handed_in.rank(users, k, seen)

    def state(self) -> dict[str, Tensor]:
        return self._handed_in.tensors

    def restore(self, state: dict[str, Tensor]) -> None:
        self._handed_in = HandedIn(state)
