"""Settings of the models that write an item's index."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llm4idrec.config.recommenders.base import TransformerConfig
from llm4idrec.config.section import Count, Rate


class GenerativeConfig(TransformerConfig):
    """What the generative models share: a T5 that writes the index of the next item."""

    name: str | None = None
    """Hub name or local path of a pretrained T5; null: a small one from scratch."""
    embedding_size: Count = 64
    """Width of the model (from scratch)."""
    layers: Count = 2
    """Blocks of the encoder, and of the decoder (from scratch)."""
    heads: Count = 4
    """Attention heads, a divisor of the width (from scratch)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout while training (from scratch)."""
    learning_rate: Rate = 3e-3
    """Peak of AdamW's step size, which falls to zero at `max_epochs`."""
    batch_size: Count = 256
    """Prompts a step."""
    max_epochs: Count = 100
    """Upper bound of epochs of one prompt a user."""
    max_length: Count = 20
    """Latest items of a history that are in a prompt."""
    straightforward: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training prompts that show the user alone; the others show a history."""
    beams: Count = 20
    """Width of the beam search."""


class P5Config(GenerativeConfig):
    """P5 (Geng et al. 2022; OpenP5, Xu et al. 2023)."""

    indexing: Literal["random", "sequential"] = "sequential"
    """Items are numbers: drawn at random, or in order of appearance in the users' lists."""
    straightforward: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the training prompts that show the user alone; the others show a history."""


class CIDConfig(GenerativeConfig):
    """CID+IID: P5 with collaborative item indices (Hua et al. 2023)."""

    clusters: Annotated[int, Field(ge=2)] = 20
    """Parts into which a cluster that is too large is split."""
    leaf_size: Annotated[int, Field(ge=2)] = 100
    """Most items in a cluster that is not split, at least `clusters`."""
    independent: bool = True
    """true: each item's last token is its own (CID+IID). false: it says which of the leaf (CID)."""

    @model_validator(mode="after")
    def _splittable(self) -> Self:
        if self.leaf_size < self.clusters:
            raise ValueError("`leaf_size` is less than `clusters`")
        return self
