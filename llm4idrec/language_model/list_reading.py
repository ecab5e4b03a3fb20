"""What a compact model makes of a list: the vector by which the next item is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm4idrec.language_model.causal_training import Batch
from llm4idrec.language_model.list_batches import ListTokens, group_by_length

_TOKENS = 16_384
"""Read at once."""


@torch.inference_mode()
def read_lists(model: Any, lists: Sequence[list[int]], padding: int) -> Tensor:
    """The last hidden state behind each of some lists of tokens, float32 (lists, d)."""
    device = next(model.parameters()).device
    ends = torch.zeros(len(lists), model.config.hidden_size, device=device)
    if not lists:
        return ends
    for rows in group_by_length(np.array([len(tokens) for tokens in lists]), _TOKENS):
        batch = Batch.pad([(lists[row], 0) for row in rows.tolist()], padding)
        hidden = model.base_model(input_ids=batch.input_ids.to(device), use_cache=False)
        last = torch.tensor([len(lists[row]) - 1 for row in rows.tolist()], device=device)
        read = hidden.last_hidden_state[torch.arange(len(rows), device=device), last]
        ends[torch.from_numpy(rows).to(device)] = read.float()
    return ends


def item_vectors(model: Any, tokens: ListTokens) -> Tensor:
    """The vector of each item in the output layer, (n_items, d): times what `read_lists` gives, it
    is the item's score."""
    weight: Tensor = model.get_output_embeddings().weight.detach()
    return weight[torch.from_numpy(tokens.items).to(weight.device)]
