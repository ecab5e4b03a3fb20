"""Text with IDs in it <-> token numbers, for the compact model and for any other tokenizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llm4idrec.data.interactions import LongArray
from llm4idrec.language_model.prompts import TEMPLATE

PAD, BEGIN, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"


def compact_tokenizer(n_users: int, n_items: int) -> PreTrainedTokenizerFast:
    """A word-level tokenizer: one token for each ID and each word of the template.

    Punctuation only separates, so `i34,i56` is two tokens, and a decoded answer is `i34 i56`.
    """
    words = sorted(set(re.findall(r"\w+", TEMPLATE.format(user="", items=""))) - {"u"})
    tokens = [PAD, BEGIN, END, UNKNOWN, *words]
    tokens += [f"i{item}" for item in range(n_items)] + [f"u{user}" for user in range(n_users)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+"), "removed", invert=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        padding_side="left",
    )


class PromptEncoder:
    """Turns prompts and items into token numbers, an answer item by item.

    Encoding an answer item by item keeps the tokens of an item the same wherever it stands, so
    that generation can be restricted to the very sequences that were trained on.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.end: int = tokenizer.eos_token_id
        self.pad: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end
        self.begin: list[int] = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, without special tokens."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [list(tokens) for tokens in encoded]

    @cached_property
    def separator(self) -> list[int]:
        """Tokens between two items; none for the compact tokenizer."""
        return self.pieces([","])[0]

    def catalogue(self, n_items: int) -> list[list[int]]:
        """Token numbers of every item."""
        return self.pieces([f"i{item}" for item in range(n_items)])

    def questions(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of whole questions, ready for an answer to follow."""
        return [self.begin + tokens for tokens in self.pieces(texts)]

    def answer(self, items: Iterable[Sequence[int]]) -> list[int]:
        """Token numbers of an answer, given those of its items, with the end token."""
        tokens: list[int] = []
        for item in items:
            tokens += (self.separator if tokens else []) + list(item)
        return [*tokens, self.end]


def kept_lengths(
    history: LongArray, answer: LongArray, *, longest: int, token_cost: int
) -> tuple[LongArray, LongArray]:
    """How many items histories and answers keep so that they cost at most `longest` tokens in all.

    The answer may take half of them; what is left is what stands next to the cut between them.
    """
    room = max(2, longest // token_cost)
    answer = np.minimum(answer, np.maximum(room // 2, room - history))
    return np.minimum(history, room - answer), answer
