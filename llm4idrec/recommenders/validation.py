"""How well a recommender does on held-out data while it learns, and the record of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.metrics.ranking import FloatArray, evaluated_users, user_metrics


class Ranker(Protocol):
    """Whoever ranks the catalogue for users, as `base.Recommender` does."""

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray: ...


@dataclass(frozen=True)
class Validation:
    """What early stopping watches: users of `seen` with something in `heldout`."""

    heldout: Interactions
    seen: Interactions
    """The original train: names the users, and its pairs are not recommended."""
    cutoffs: tuple[int, ...]
    metric: str
    """Column such as `ndcg_at_20` whose best mean marks the best epoch."""
    history: Interactions | None = None
    """What is continued, as `base.Recommender.recommend` has it; by default `seen`."""

    def scores(self, recommender: Ranker) -> dict[str, float]:
        """Mean of every metric over the users."""
        return {name: float(values.mean()) for name, values in self.by_user(recommender).items()}

    def by_user(self, recommender: Ranker) -> dict[str, FloatArray]:
        """Every metric of each user, shape (users,), users ascending."""
        users = evaluated_users(self.seen, self.heldout)
        ranked = recommender.recommend(users, max(self.cutoffs), self.seen, history=self.history)
        return user_metrics(ranked, users, self.heldout, cutoffs=self.cutoffs)


@dataclass(frozen=True)
class Record:
    """One line of a training's history."""

    epoch: int
    """Epochs done, from 1."""
    loss: float
    """Mean over the epochs since the last record."""
    scores: dict[str, float]
    """Validation means; empty without validation."""


@dataclass(frozen=True)
class Training:
    """How a fit went."""

    records: tuple[Record, ...]
    best_epoch: int
    """The epoch whose state the recommender holds."""
    scores: dict[str, float]
    """Validation means of that epoch; empty without validation."""
