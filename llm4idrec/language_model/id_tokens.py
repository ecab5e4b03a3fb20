"""A token of its own for each item, in a model whose tokenizer spells an ID digit by digit.

A prompt is then a third as long, and an item's vector is trained like a word's. The base weights
stay as they are: the adapter holds the vectors (PEFT's trainable tokens).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.prompts import parse_item
from llm4idrec.nn.factorisation import factorise
from llm4idrec.runtime.files import replacing_file

FILE = "id_tokens.safetensors"
FACTORS = 64
"""Dimensions of the factorisation that the vectors start from."""
SPREAD = 0.1
"""How far apart the vectors start, those of the model's own tokens being 1."""


def write_id_tokens(folder: Path, train: Interactions, hidden: int) -> None:
    """Write what `add_id_tokens` starts from: item vectors of a factorisation (n_items, factors)
    of mean square 1, and a projection (factors, hidden) that keeps their inner products."""
    _, vectors = factorise(train, FACTORS, 1.0)
    random = torch.Generator().manual_seed(0)
    projection = torch.randn(FACTORS, hidden, generator=random) / math.sqrt(FACTORS)
    with replacing_file(folder / FILE) as partial:
        save_file({"items": torch.from_numpy(vectors), "projection": projection}, partial)


def add_id_tokens(model: Any, tokenizer: Any, folder: Path) -> None:
    """Add `i0`, `i1`... to tokenizer and model, if `folder` has a file of `write_id_tokens`.

    An item starts at the token that its spelling begins with, so that the model expects an item
    where it would have expected one spelt, and a part of the spread of the model's vectors away
    from it, in the direction that the factorisation says.
    """
    if not (folder / FILE).is_file():
        return
    from tokenizers import AddedToken

    parts = load_file(folder / FILE)
    names = [f"i{item}" for item in range(len(parts["items"]))]
    begin = [tokens[0] for tokens in tokenizer(names, add_special_tokens=False)["input_ids"]]
    tokenizer.add_tokens([AddedToken(name, single_word=True, normalized=False) for name in names])
    own = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(max(own, len(tokenizer)), mean_resizing=False)
    tokens = torch.tensor(tokenizer.convert_tokens_to_ids(names))
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            away = parts["items"] @ parts["projection"] * SPREAD * _spread(layer.weight[:own])
            layer.weight[tokens] = layer.weight[begin] + away.to(layer.weight.dtype)


def _spread(words: Tensor) -> Tensor:
    """Root mean square of what vectors differ from their mean by."""
    return words.float().std(0).square().mean().sqrt()


def id_tokens(tokenizer: Any) -> list[int]:
    """The tokens that `add_id_tokens` added, ascending; none where it added none."""
    added = tokenizer.get_added_vocab().items()
    return sorted(number for text, number in added if parse_item(text) is not None)
