"""Sampling answers from a causal language model, side by side, restricted to the catalogue."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from llm4idrec.config import GenerationConfig
from llm4idrec.generation.mentions import Mention
from llm4idrec.generation.reader import Reader
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.nn.catalogue_trie import Available


def choose(log_probabilities: Tensor, config: GenerationConfig, uniform: Tensor) -> Tensor:
    """Sample a column of each row by temperature and top-p (Holtzman et al. 2020), shape (rows,).

    `uniform` (rows,) in [0, 1) decides, so that a row's draw does not depend on its neighbours.
    """
    scaled = torch.softmax(log_probabilities / config.temperature, 1)
    ordered, columns = _nucleus(scaled, config.top_p)
    mass = ordered.cumsum(1)
    kept = (mass - ordered < config.top_p).sum(1, keepdim=True)
    target = uniform[:, None] * mass.gather(1, kept - 1)
    place = torch.minimum(torch.searchsorted(mass, target, right=True), kept - 1)
    return columns.gather(1, place)[:, 0]


def _nucleus(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The largest probabilities and their columns, enough of them to reach `top_p` in each row.

    A partial sort that grows until it is long enough costs a fifth of sorting the vocabulary.
    """
    size = 64
    while size < probabilities.shape[1]:
        ordered, columns = probabilities.topk(size, 1)
        if bool((ordered.sum(1) >= top_p).all()):
            return ordered, columns
        size *= 8
    return torch.sort(probabilities, dim=1, descending=True)


@torch.inference_mode()
def sample_items(
    model: Any,
    questions: list[list[int]],
    available: Available,
    *,
    padding: int,
    uniform: Tensor,
    config: GenerationConfig,
) -> list[Mention]:
    """`config.samples` answers of `model` to each question, of `config.items` items of the
    catalogue.

    A row is an answer: those to the first question, to the second, and so on. `questions` are
    lists of token numbers, which `padding` makes equally long. `available` says which items each
    row may still use; with `restrict: unseen` a drawn item is taken out. `uniform` (rows, items *
    depth), in [0, 1), holds each row's draws. A mention's log-probability is that of the item's
    tokens, given that one of the allowed ones had to be drawn.
    """
    trie = available.trie
    rows = torch.arange(len(uniform), device=uniform.device)
    node = torch.zeros_like(rows)
    drawn = torch.zeros_like(rows)
    total = torch.zeros(len(rows), device=uniform.device)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    reader = Reader(model, questions, padding, wanted=trie.alphabet, answers=config.samples)
    for step in range(uniform.shape[1]):
        active = (drawn < config.items) & (available.left > 0)
        if not bool(active.any()):
            break
        columns, children, allowed = available.options(node)
        allowed = allowed | ~active[:, None]
        logits = reader.logits().gather(1, columns).masked_fill(~allowed, -torch.inf)
        log_probabilities = logits.log_softmax(1)
        choice = choose(log_probabilities, config, uniform[:, step])[:, None]
        node = children.gather(1, choice)[:, 0]
        total += log_probabilities.gather(1, choice)[:, 0]
        item = trie.leaf_item[node]
        ended = (item >= 0) & active
        found.append((rows[ended], item[ended], total[ended]))
        if config.restrict == "unseen":
            available.remove(rows[ended], item[ended])
        drawn += ended
        total = torch.where(item >= 0, 0.0, total)
        node = torch.where(item >= 0, 0, node)
        reader.feed(trie.alphabet[columns.gather(1, choice)[:, 0]])
    parts = (torch.cat(part).tolist() for part in zip(*found, strict=True))
    return [Mention(r, f"i{i}", p) for r, i, p in zip(*parts, strict=True)]


@torch.inference_mode()
def sample_text(
    model: Any,
    questions: list[list[int]],
    encoder: PromptEncoder,
    *,
    uniform: Tensor,
    config: GenerationConfig,
) -> list[Mention]:
    """`config.samples` free answers to each question, of at most `config.max_new_tokens` tokens,
    cut at commas and blanks.

    Rows, `questions` and draws are as those of `sample_items`: `uniform` is (rows, tokens), and
    `encoder` that of the model.
    The last part of an answer that hit the limit ends in "…": it may have been cut short, and
    `i123` of an `i12345` must not pass for an item.
    """
    reader = Reader(model, questions, encoder.pad, answers=config.samples)
    tokens: list[list[tuple[int, float]]] = [[] for _ in uniform]
    going = torch.ones(len(uniform), dtype=torch.bool, device=uniform.device)
    for step in range(config.max_new_tokens):
        log_probabilities = reader.logits().log_softmax(1)
        token = choose(log_probabilities, config, uniform[:, step])
        value = log_probabilities.gather(1, token[:, None])[:, 0]
        going &= token != encoder.end
        if not bool(going.any()):
            break
        for row, t, p in zip(
            going.nonzero()[:, 0].tolist(),
            token[going].tolist(),
            value[going].tolist(),
            strict=True,
        ):
            tokens[row].append((t, p))
        reader.feed(token)
    return [
        mention
        for row, answer in enumerate(tokens)
        for mention in _mentions(row, answer, encoder, cut=bool(going[row]))
    ]


def _mentions(
    row: int, answer: list[tuple[int, float]], encoder: PromptEncoder, *, cut: bool
) -> list[Mention]:
    glue = "" if encoder.separator else ","
    pieces = [piece + glue for piece in _pieces([token for token, _ in answer], encoder.tokenizer)]
    owner = [number for number, piece in enumerate(pieces) for _ in piece]
    text = "".join(pieces)
    mentions = []
    for match in re.finditer(r"[^,\s]+", text):
        used = sorted(set(owner[match.start() : match.end()]))
        part = match[0] + ("…" if cut and not glue and match.end() == len(text) else "")
        mentions.append(Mention(row, part, sum(answer[number][1] for number in used)))
    return mentions


def _pieces(tokens: list[int], tokenizer: Any) -> list[str]:
    """The text that each token adds to the one before it.

    Alone, a token of a SentencePiece vocabulary loses the blank that it begins with, and `i1 2`
    would pass for `i12`.
    """

    def decode(part: list[int]) -> str:
        return str(tokenizer.decode(part, clean_up_tokenization_spaces=False))

    pairs = pairwise(tokens)
    return [decode(tokens[:1])] + [decode([a, b])[len(decode([a])) :] for a, b in pairs]
