"""A causal language model that reads questions, and says what may come next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from llm4idrec.language_model.causal_training import has_plain_head


class Reader:
    """Feeds tokens to the model, keeping what it has computed for those before.

    `questions` are lists of token numbers, which `padding`, a token, makes equally long. `wanted`
    (n,) are the tokens whose logits are asked for, None for the whole vocabulary. Each question is
    read once, and then continued in `answers` ways: rows are the answers to the first question, to
    the second, and so on.
    """

    def __init__(
        self,
        model: Any,
        questions: list[list[int]],
        padding: int,
        *,
        wanted: Tensor | None = None,
        answers: int = 1,
    ) -> None:
        device = next(model.parameters()).device
        longest = max(map(len, questions))
        tokens = torch.full((len(questions), longest), padding)
        mask = torch.zeros_like(tokens)
        for row, question in enumerate(questions):
            tokens[row, longest - len(question) :] = torch.tensor(question)
            mask[row, longest - len(question) :] = 1
        self._model, self._wanted, self._answers = model, wanted, answers
        self._head = _rows_of_the_head(model, wanted)
        self._cache = DynamicCache(config=model.config)
        self._cache.layers = [
            RoomyLayer() if type(layer) is DynamicLayer else layer for layer in self._cache.layers
        ]
        self._tokens, self._mask = tokens.to(device), mask.to(device)
        self._position = (self._mask.cumsum(1) - 1).clamp(min=0)

    def logits(self) -> Tensor:
        """Float32 logits of the next token, (rows, wanted)."""
        logits = self._read(self._tokens, self._mask, self._position, last=1)[:, 0]
        if self._answers > 1:
            logits = self._repeat(logits)
        return logits

    def feed(self, token: Tensor) -> None:
        """`token` (rows,) is what came next."""
        self._tokens = token[:, None]
        self._mask = torch.cat((self._mask, self._mask.new_ones(len(token), 1)), 1)
        self._position = self._position[:, -1:] + 1

    def branches(self, tokens: Tensor, depth: Tensor, above: Tensor) -> Tensor:
        """Logits after each node of a tree that grows from the end of every question, in one pass,
        (rows, nodes, wanted).

        A node has a token and a depth, from 1, both (nodes,); `above` (nodes, nodes) says which
        nodes its path has, itself included. `logits` must have been called before, and nothing can
        be fed after.
        """
        rows = len(self._mask)
        # A node sees the question and its own path, but no other branch: all nodes lie side by side
        # in one sequence, and their positions are their depths, not their places in it.
        seen = self._mask.bool()[:, None, :].expand(-1, len(tokens), -1)
        seen = torch.cat((seen, above.expand(rows, -1, -1)), 2)[:, None]
        dtype = self._model.dtype
        mask = torch.zeros_like(seen, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
        return self._read(
            tokens.expand(rows, -1), mask, self._position[:, -1:] + depth, last=len(tokens)
        )

    def _read(self, tokens: Tensor, mask: Tensor, position: Tensor, *, last: int) -> Tensor:
        inputs = {
            "input_ids": tokens,
            "attention_mask": mask,
            "position_ids": position,
            "past_key_values": self._cache,
            "use_cache": True,
        }
        if self._head is not None:
            hidden = self._model.base_model(**inputs).last_hidden_state
            return linear(hidden[:, -last:], self._head).float()
        logits = self._model(**inputs, logits_to_keep=last).logits[:, -last:].float()
        return torch.as_tensor(logits if self._wanted is None else logits[..., self._wanted])

    def _repeat(self, logits: Tensor) -> Tensor:
        """Go on in as many rows as there are answers."""
        n, self._answers = self._answers, 1
        self._cache.batch_repeat_interleave(n)
        self._mask = self._mask.repeat_interleave(n, 0)
        self._position = self._position[:, -1:].repeat_interleave(n, 0)
        return logits.repeat_interleave(n, 0)


def _rows_of_the_head(model: Any, wanted: Tensor | None) -> Tensor | None:
    """The output embeddings of the `wanted` tokens, if the model's head is a plain product with
    them and leaving out the others saves anything."""
    if wanted is None or 2 * len(wanted) > model.config.vocab_size or not has_plain_head(model):
        return None
    return torch.as_tensor(model.get_output_embeddings().weight[wanted])


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values with room for more, so that a token more does not copy all before it."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = self._rooms = [key_states, value_states]
            return key_states, value_states
        start = self.keys.shape[2]
        stop = start + key_states.shape[2]
        olds, news = (self.keys, self.values), (key_states, value_states)
        pairs = zip(self._rooms, olds, strict=True)
        self._rooms = [_with_room(room, old, stop) for room, old in pairs]
        for room, new in zip(self._rooms, news, strict=True):
            room[:, :, start:stop] = new
        self.keys, self.values = (room[:, :, :stop] for room in self._rooms)
        return self.keys, self.values


def _with_room(room: Tensor, old: Tensor, stop: int) -> Tensor:
    """`room` if it begins with `old` (rows, heads, length, size) and reaches to `stop`, or one
    that does."""
    if room.data_ptr() == old.data_ptr() and room.shape[2] >= stop:
        return room
    larger = old.new_empty(*old.shape[:2], stop + stop // 2, old.shape[3])
    larger[:, :, : old.shape[2]] = old
    return larger
