"""The loop over epochs with validation, early stopping and a return to the best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError
from llm4idrec.metrics.ranking import FloatArray, evaluated_users, user_metrics

if TYPE_CHECKING:
    from llm4idrec.recommenders.base import Recommender, Trained


@dataclass(frozen=True)
class Validation:
    """What early stopping watches: users of `seen` with something in `heldout`."""

    heldout: Interactions
    seen: Interactions
    """The original train: names the users, and its pairs are not recommended."""
    cutoffs: tuple[int, ...]
    metric: str
    """Column such as `ndcg_at_20` whose best mean marks the best epoch."""

    def scores(self, recommender: Recommender) -> dict[str, float]:
        """Mean of every metric over the users."""
        return {name: float(values.mean()) for name, values in self.by_user(recommender).items()}

    def by_user(self, recommender: Recommender) -> dict[str, FloatArray]:
        """Every metric of each user, shape (users,), users ascending."""
        users = evaluated_users(self.seen, self.heldout)
        ranked = recommender.recommend(users, max(self.cutoffs), self.seen)
        return user_metrics(ranked, users, self.heldout, self.cutoffs)


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


def run_epochs(recommender: Trained, max_epochs: int, validation: Validation | None) -> Training:
    """Train for `max_epochs`, or until validation stops getting better (`Trained.fit`)."""
    settings = recommender.settings
    records: list[Record] = []
    losses: list[float] = []
    best, best_state = Record(0, math.inf, {}), recommender.state()
    waited = 0
    for epoch in range(1, max_epochs + 1):
        losses.append(recommender.train_epoch())
        remedy = f"a smaller learning_rate than {settings.learning_rate} may help"
        if not math.isfinite(losses[-1]):
            raise DivergenceError(f"loss {losses[-1]} at epoch {epoch}; {remedy}")
        if epoch % settings.evaluate_every and epoch < max_epochs:
            continue
        scores = validation.scores(recommender) if validation else {}
        records.append(Record(epoch, sum(losses) / len(losses), scores))
        losses.clear()
        waited += 1
        if validation is None or _better(scores, best.scores, validation.metric):
            best, best_state, waited = records[-1], recommender.state(), 0
            # The last batch's step comes behind its loss.
            if not all(bool(tensor.isfinite().all()) for tensor in best_state.values()):
                raise DivergenceError(f"weights are not finite after epoch {epoch}; {remedy}")
        if waited >= settings.patience:
            break
    recommender.restore(best_state)
    return Training(tuple(records), best.epoch, best.scores)


def _better(scores: dict[str, float], best: dict[str, float], metric: str) -> bool:
    return scores[metric] > best.get(metric, -math.inf)
