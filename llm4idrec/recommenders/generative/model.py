"""The T5 under the generative recommenders, with the whole-word embeddings of P5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from llm4idrec.config.recommenders import GenerativeConfig
from llm4idrec.errors import InputError
from llm4idrec.recommenders.generative.catalogue import Catalogue, log_softmax_by
from llm4idrec.recommenders.generative.vocabulary import PAD

_WORDS_AROUND = 8
"""Room for the words of a prompt around the history."""
_T5 = "t5", "mt5"
_DENSE = 8
"""A logit of a matrix product costs less than one by itself by this factor."""


class WholeWordT5(nn.Module):
    """A T5 (Raffel et al. 2020) whose encoder is also told which word a token belongs to.

    The embedding of the word's number is added to the token's (Geng et al. 2022).
    """

    def __init__(self, t5: Any, n_words: int) -> None:
        super().__init__()
        self.t5 = t5
        self.words = nn.Embedding(n_words, t5.config.d_model)
        nn.init.zeros_(self.words.weight)

    def encode(self, tokens: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder states (n, length, d) and the mask (n, length) of places that count."""
        mask = (tokens != PAD).long()
        words = words.clamp(max=self.words.num_embeddings - 1)
        embeddings = self.t5.shared(tokens) + self.words(words)
        output = self.t5.encoder(inputs_embeds=embeddings, attention_mask=mask)
        states: Tensor = output.last_hidden_state
        return states, mask

    def scores(self, decoded: Tensor, row: Tensor, token: Tensor) -> Tensor:
        """Logits (m,) of `token[j]` (m,) after decoder state `decoded[row[j]]`, of shape (d,)."""
        weight: Tensor = self.t5.lm_head.weight
        if self.t5.config.scale_decoder_outputs:
            decoded = decoded * self.t5.config.d_model**-0.5
        if len(decoded) * len(weight) < _DENSE * len(row):
            return (decoded @ weight.T)[row, token]
        return (weight[token] * decoded[row]).sum(1)

    def loss(self, tokens: Tensor, words: Tensor, items: Tensor, *, catalogue: Catalogue) -> Tensor:
        """Mean of -log P(item | prompt), by teacher forcing; a scalar."""
        states, mask = self.encode(tokens, words)
        codes, nodes = catalogue.codes[items], catalogue.nodes[items]
        start = torch.full_like(codes[:, :1], PAD)
        output = self.t5.decoder(
            input_ids=torch.cat((start, codes[:, :-1]), 1),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
            use_cache=False,
        )
        written = nodes > 0
        before = torch.cat((torch.zeros_like(start), nodes[:, :-1]), 1)[written]
        row, edge = catalogue.edges(before)
        token = catalogue.trie.child_token[edge]
        logits = self.scores(output.last_hidden_state[written], row, token)
        taken = catalogue.trie.child_node[edge] == nodes[written][row]
        return -log_softmax_by(row, logits, len(before))[taken].sum() / len(items)


def build_model(settings: GenerativeConfig, n_tokens: int, pretrained: bool = True) -> WholeWordT5:
    """The model that `settings` describe, for `n_tokens` tokens.

    With `pretrained` false a named model is only given its shape: its weights come later. Draws
    from torch's global random state.
    """
    from transformers import T5ForConditionalGeneration

    if settings.name is None:
        t5 = T5ForConditionalGeneration(_small(settings, n_tokens))
    else:
        t5 = _load(settings.name, pretrained)
        # The default would start all new tokens at one point, which they leave but slowly.
        t5.resize_token_embeddings(n_tokens, mean_resizing=False)
    return WholeWordT5(t5, settings.max_length + _WORDS_AROUND)


def _small(settings: GenerativeConfig, n_tokens: int) -> Any:
    from transformers import T5Config

    return T5Config(
        vocab_size=n_tokens,
        d_model=settings.embedding_size,
        d_kv=settings.embedding_size // settings.heads,
        d_ff=2 * settings.embedding_size,
        num_layers=settings.layers,
        num_heads=settings.heads,
        dropout_rate=settings.dropout,
        pad_token_id=PAD,
        decoder_start_token_id=PAD,
        eos_token_id=None,
    )


def _load(name: str, weights: bool) -> Any:
    from transformers import T5ForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    config = t5_config(name)
    if not weights:
        return T5ForConditionalGeneration(config)
    with _loading(name):
        return T5ForConditionalGeneration.from_pretrained(
            name, dtype="float32", use_safetensors=True
        )


def t5_config(name: str) -> Any:
    """The shape of the pretrained T5 `name`; `InputError` if it is not to be had, or no T5."""
    from transformers import AutoConfig

    with _loading(name):
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.model_type not in _T5:
            raise ValueError(f"it is a {config.model_type}")
        return config


@contextmanager
def _loading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"T5 {name!r} cannot be loaded ({reason})",
            "a local folder, or a hub name that can be reached, with safetensors and no own code",
            "mend `name` of the recommender",
        ) from error
