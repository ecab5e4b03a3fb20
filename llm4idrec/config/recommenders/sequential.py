"""Settings of the models that continue a history."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llm4idrec.config.language_model import BaseModelConfig
from llm4idrec.config.recommenders.base import HistoryConfig, TransformerConfig
from llm4idrec.config.section import Count, Fraction, Rate, Share, Weight


class SequentialConfig(TransformerConfig):
    """What the sequential models share: a small transformer over the latest items."""

    learning_rate: Rate = 2e-3
    """Step size of Adam."""
    batch_size: Count = 128
    """Histories, or pieces of them, a step."""
    max_length: Count = 50
    """Latest items of a history that are read; to be trained on, a longer one is cut into
    pieces."""
    evaluate_every: Count = 3
    """Epochs between validations."""
    layers: Count = 2
    """Transformer blocks."""
    heads: Count = 1
    """Attention heads, a divisor of the vectors' length."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout on embeddings and blocks while training."""
    negatives: Count = 1024
    """Items drawn for each batch that the cross-entropy compares with; all where there are no
    more."""


class SASRecConfig(SequentialConfig):
    """SASRec (Kang and McAuley 2018)."""

    loss: Literal["bce", "cross_entropy"] = "cross_entropy"
    """bce: each next item against one that the user does not have, as in the paper. cross_entropy:
    against `negatives` items (Klenitskiy and Vasilev 2023)."""


class BERT4RecConfig(SequentialConfig):
    """BERT4Rec (Sun et al. 2019)."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout on embeddings and blocks while training."""
    masked: Fraction = 0.5
    """Share of a history that is hidden and predicted."""
    last_only: Fraction = 0.2
    """Share of histories where the last item alone is hidden, as when ranking."""


class CL4SRecConfig(SASRecConfig):
    """CL4SRec (Xie et al. 2022)."""

    contrast: Weight = 0.1
    """Weight of the contrastive loss."""
    temperature: Rate = 0.2
    """Divides the cosines of the contrastive loss."""
    cropped: Share = 0.6
    """Share of a history that a cropped view keeps."""
    masked: Share = 0.3
    """Share of a history that is hidden in a masked view."""
    reordered: Share = 0.6
    """Share of a history that is shuffled in a reordered view."""


class LMConfig(HistoryConfig):
    """A compact language model of item IDs: `base_model` as a recommender."""

    learning_rate: Rate = 2e-3
    """Step size of AdamW from the second epoch on; it rises in the first."""
    batch_size: Count = 1024
    """Tokens a step."""
    patience: Count = 4
    """Validations without a better score before training stops."""
    evaluate_every: Count = 1
    """Epochs between validations."""
    max_length: Annotated[int, Field(ge=4)] = 256
    """Longest sequence in tokens; longer lists are cut, and their latest items read."""
    layers: Count = 2
    """Transformer blocks."""
    heads: Count = 4
    """Attention heads."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Dropout on the embeddings while training."""
    negatives: Count = 8192
    """Items drawn for each batch that the loss compares with; all where there are no more."""

    def base_model(self) -> BaseModelConfig:
        """The same as a section `base_model`."""
        return BaseModelConfig(
            kind="compact",
            hidden_size=self.embedding_size,
            batch_tokens=self.batch_size,
            **self.model_dump(
                include={"learning_rate", "max_length", "layers", "heads", "dropout", "negatives"}
            ),
        )

    @model_validator(mode="after")
    def _is_a_model(self) -> Self:
        self.base_model()
        return self
