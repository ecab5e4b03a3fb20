"""A small transformer over packed item sequences (Kang and McAuley 2018; Sun et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu, relu, scaled_dot_product_attention

from llm4idrec.config.recommenders import SequentialConfig
from llm4idrec.recommenders.sequential.sequences import Batch


class Dropout:
    """Zeroes entries with probability `rate` and scales the rest, by its own generator.

    The probability is rounded to a multiple of 2^-16: 16 random bits an entry are several times
    cheaper than the random float that torch draws.
    """

    def __init__(self, rate: float, seed: int, device: torch.device) -> None:
        self._dropped = round(rate * 2**16)
        self._generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, values: Tensor) -> Tensor:
        if not self._dropped:
            return values
        words = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device)
        bits = words.random_(-(2**63), None, generator=self._generator).view(torch.int16)
        kept = bits[: values.numel()].view(values.shape) >= self._dropped - 2**15
        return values * kept.to(values.dtype).mul_(1 / (1 - self._dropped / 2**16))


def _nothing(values: Tensor) -> Tensor:
    """In place of a dropout."""
    return values


class Block(nn.Module):
    """x + g(LayerNorm(x)), with g attention, then a network on each place (SASRec, III.C)."""

    def __init__(self, width: int, heads: int, gaussian: bool) -> None:
        super().__init__()
        self._heads = heads
        self._activation = gelu if gaussian else relu
        self.attention_norm = nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.network_norm = nn.LayerNorm(width)
        self.network_in = nn.Linear(width, width)
        self.network_out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor, dropout: Callable[[Tensor], Tensor]) -> Tensor:
        x = x + dropout(self._attend(self.attention_norm(x), mask))
        hidden = self._activation(self.network_in(self.network_norm(x)))
        return x + dropout(self.network_out(hidden))

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        rows, width, size = x.shape
        parts = self.projections(x).view(rows, width, 3, self._heads, size // self._heads)
        query, key, value = parts.transpose(1, 3).unbind(2)
        attended = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed: Tensor = self.attention_out(attended.transpose(1, 2).reshape(x.shape))
        return mixed


class Transformer(nn.Module):
    """Item and position vectors, blocks, and a last normalisation.

    The item table has one more row than there are items: what stands in empty and in hidden slots.
    Positions count from the latest item backwards, so that the end of every history is the same
    place.
    """

    def __init__(self, settings: SequentialConfig, n_items: int, gaussian: bool) -> None:
        super().__init__()
        width = settings.embedding_size
        self.items = nn.Parameter(torch.empty(n_items + 1, width))
        self.positions = nn.Parameter(torch.empty(settings.max_length, width))
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, gaussian) for _ in range(settings.layers)
        )
        self.norm = nn.LayerNorm(width)

    @classmethod
    def empty(
        cls, settings: SequentialConfig, n_items: int, *, gaussian: bool, device: torch.device
    ) -> Self:
        """One whose weights mean nothing yet; the global random state is left alone."""
        with torch.device("meta"):
            return cls(settings, n_items, gaussian).to_empty(device=device)

    def initialise(self, seed: int) -> None:
        """Draw weights N(0, 0.02^2); biases are 0, and gains of normalisations 1."""
        generator = torch.Generator().manual_seed(seed)  # on the CPU: equal on every device
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.ndim > 1:
                    drawn = torch.empty(weight.shape).normal_(std=0.02, generator=generator)
                    weight.copy_(drawn)
                else:
                    weight.fill_(float("norm" in name and name.endswith("weight")))

    def look_up(self, *items: Tensor) -> list[Tensor]:
        """Vectors of several tensors of item numbers, each (*shape, d).

        Together, because the gradient of every look-up is as large as the table.
        """
        vectors = embedding(torch.cat([numbers.flatten() for numbers in items]), self.items)
        parts = torch.split(vectors, [numbers.numel() for numbers in items])
        width = vectors.shape[1]
        return [part.view(*of.shape, width) for part, of in zip(parts, items, strict=True)]

    def forward(
        self,
        batch: Batch,
        vectors: Tensor,
        *,
        causal: bool,
        dropout: Callable[[Tensor], Tensor] = _nothing,
    ) -> Tensor:
        """Encode all slots of a batch, given their items' vectors; both (rows, width, d)."""
        x = vectors * vectors.shape[-1] ** 0.5 + embedding(batch.places, self.positions)
        x = dropout(x)
        mask = batch.attention(causal)
        for block in self.blocks:
            x = block(x, mask, dropout)
        normed: Tensor = self.norm(x)
        return normed
