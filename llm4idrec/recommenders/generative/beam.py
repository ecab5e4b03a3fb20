"""Beam search restricted to the items of a catalogue."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from llm4idrec.nn.catalogue_trie import Available
from llm4idrec.recommenders.generative.catalogue import Catalogue, log_softmax_by
from llm4idrec.recommenders.generative.model import WholeWordT5
from llm4idrec.recommenders.generative.vocabulary import PAD

NOTHING = -1
"""Stands for an item where a beam found none."""


class _Decoder:
    """Feeds the decoder a token a beam, and keeps what it has computed for those before."""

    def __init__(self, model: WholeWordT5, states: Tensor, mask: Tensor) -> None:
        from transformers import DynamicCache, EncoderDecoderCache

        self._model = model
        self._states, self._mask = states, mask
        self._cache: Any = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def feed(self, token: Tensor) -> Tensor:
        """States (n * width, d) after `token` (n, width)."""
        output = self._model.t5.decoder(
            input_ids=token.view(-1, 1),
            encoder_hidden_states=self._states,
            encoder_attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
        )
        return torch.as_tensor(output.last_hidden_state[:, 0])

    def reorder(self, parent: Tensor, width: int) -> None:
        """Go on with beam `parent[r, b]` of row r as its beam b, where there were `width` beams."""
        first = torch.arange(len(parent), device=parent.device)[:, None] * width
        self._cache.self_attention_cache.reorder_cache((first + parent).flatten())
        if parent.shape[1] != width:  # all beams of a row attend to the same states
            row = first.expand_as(parent).flatten()
            self._cache.cross_attention_cache.reorder_cache(row)
            self._states, self._mask = self._states[row], self._mask[row]


@torch.inference_mode()
def beam_search(
    model: WholeWordT5,
    states: Tensor,
    mask: Tensor,
    *,
    catalogue: Catalogue,
    available: Available,
    beams: int,
) -> tuple[Tensor, Tensor]:
    """The most probable items and their log-probabilities, each (n, up to `beams`), best first.

    `states` (n, length, d) and `mask` (n, length) are those of the encoder of `model`. Only items
    of the `catalogue` that are `available` to a row are found; `NOTHING` and -inf fill the rest. A
    probability is that of the whole index, among all items. With as many beams as items the
    answer is exact.
    """
    decoder = _Decoder(model, states, mask)
    node = torch.zeros((len(states), 1), dtype=torch.long, device=states.device)
    token = torch.full_like(node, PAD)
    score = torch.zeros(node.shape, device=states.device)
    trie = catalogue.trie
    for _ in range(trie.depth):
        width = node.shape[1]
        tokens, children, gain = _options(model, decoder.feed(token), catalogue, node=node)
        allowed = available.reaches(children.flatten(1)).view(children.shape)
        value = (score[..., None] + gain).masked_fill(~allowed, -torch.inf)
        score, place = value.flatten(1).topk(min(beams, value[0].numel()), 1)
        node = children.flatten(1).gather(1, place)
        token = tokens.flatten(1).gather(1, place)
        if bool((trie.leaf_item[node] >= 0)[score > -torch.inf].all()):
            break
        decoder.reorder(place // value.shape[2], width)
    return torch.where(score > -torch.inf, trie.leaf_item[node], NOTHING), score


def _options(
    model: WholeWordT5, decoded: Tensor, catalogue: Catalogue, *, node: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What each beam may become: tokens, nodes, log-probabilities, each (n, width, most children).

    A beam that has reached an item has one option, to stay as it is. Empty places have -inf.
    """
    trie = catalogue.trie
    row, edge = catalogue.edges(node.flatten())
    logits = model.scores(decoded, row, trie.child_token[edge])
    column = edge - trie.child_start[node.flatten()][row]
    shape = (node.numel(), max(1, int(column.max()) + 1) if len(column) else 1)
    gain = logits.new_full(shape, -torch.inf)
    gain[row, column] = log_softmax_by(row, logits, len(decoded))
    gain[:, 0].masked_fill_((trie.leaf_item[node] >= 0).flatten(), 0.0)
    children = node.reshape(-1, 1).repeat(1, shape[1])
    children[row, column] = trie.child_node[edge]
    tokens = torch.full_like(children, PAD)
    tokens[row, column] = trie.child_token[edge]
    full = (*node.shape, shape[1])
    return tokens.view(full), children.view(full), gain.view(full)
