"""A recommender that learns by epochs, with early stopping and a return to the best epoch."""

from __future__ import annotations

import math
from abc import abstractmethod

from llm4idrec.config.recommenders import TrainedConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.validation import Record, Training, Validation


class Trained(Recommender):
    """A recommender that learns by epochs."""

    settings: TrainedConfig

    def fit(
        self, train: Interactions, validation: Validation | None = None, epochs: int | None = None
    ) -> Training:
        """Train from scratch and return how it went.

        With `validation`, stop after `settings.patience` validations without a better score and
        go back to the best one's epoch. Without, train `epochs` (default `settings.max_epochs`).

        Raises `DivergenceError` when the loss is not finite.
        """
        self.start(train)
        return _run_epochs(self, epochs or self.settings.max_epochs, validation)

    @abstractmethod
    def start(self, train: Interactions) -> None:
        """Forget what was learned and make ready to train on `train`."""

    @abstractmethod
    def train_epoch(self) -> float:
        """Pass once over the data given to `start`; return the mean loss."""


def _run_epochs(recommender: Trained, max_epochs: int, validation: Validation | None) -> Training:
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
