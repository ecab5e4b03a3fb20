"""What the settings of recommenders share."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from llm4idrec.config.section import Count, Rate, Section


class RecommenderConfig(Section):
    """Base of all."""

    @property
    def needs_time(self) -> bool:
        """Whether it learns from the order of a history."""
        return False

    @property
    def is_seeded(self) -> bool:
        """Whether another seed gives another model."""
        return True


class UnseededConfig(RecommenderConfig):
    """What those share that draw nothing at random."""

    @property
    def is_seeded(self) -> bool:
        return False


class TrainedConfig(RecommenderConfig):
    """What models trained by epochs share."""

    embedding_size: Count = 64
    """Length of the user and item vectors."""
    learning_rate: Rate = 1e-2
    """Step size of Adam."""
    batch_size: Count = 8192
    """Training examples a step."""
    max_epochs: Count = 300
    """Upper bound of passes over the data."""
    patience: Count = 6
    """Validations without a better score before training stops."""
    evaluate_every: Count = 5
    """Epochs between validations."""


class HistoryConfig(TrainedConfig):
    """What models share that continue a history."""

    @property
    def needs_time(self) -> bool:
        return True


class TransformerConfig(HistoryConfig):
    """What transformers of one width share."""

    heads: Count
    """Attention heads, a divisor of the width."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.embedding_size % self.heads:
            raise ValueError("`heads` does not divide `embedding_size`")
        return self
