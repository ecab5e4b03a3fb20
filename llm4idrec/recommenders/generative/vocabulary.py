"""Text as tokens: of a pretrained tokenizer, or the few tokens that a model from scratch needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from llm4idrec.errors import InputError

PAD = 0
"""Token at empty places, and the one that decoding starts from, as in every T5."""


class Vocabulary(Protocol):
    """Turns pieces of prompts into tokens."""

    size: int
    """Number of tokens."""
    end: list[int]
    """Tokens behind an answer; empty where no index is the beginning of another one."""

    def encode(self, piece: str) -> list[int]:
        """The tokens of one of the pieces."""
        ...


class CompactVocabulary:
    """Tokens in order of first use: a stretch of fixed text is one, and so is `<CI3>`.

    Numbers are cut into pairs of digits from the right: 22100 is `2`, `21`, `00`. Words of a
    language would mean nothing to a model from scratch, and cost an encoder step each.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._tokens: dict[str, int] = {}
        for piece in pieces:
            for part in _parts(piece):
                self._tokens.setdefault(part, PAD + 1 + len(self._tokens))
        self.size = PAD + 1 + len(self._tokens)
        self.end: list[int] = []

    def encode(self, piece: str) -> list[int]:
        return [self._tokens[part] for part in _parts(piece)]


def _parts(piece: str) -> list[str]:
    if piece.isdigit():
        return re.findall(r"\d{1,2}(?=(?:\d\d)*$)", piece)
    return re.findall(r"<\w+>", piece) or [piece]


class PretrainedVocabulary:
    """The tokenizer of a pretrained T5, to which tokens such as `<CI3>` are added."""

    def __init__(self, name: str, pieces: Sequence[str]) -> None:
        self._tokenizer = _load_tokenizer(name)
        added = [token for piece in pieces for token in re.findall(r"<\w+>", piece)]
        self._tokenizer.add_tokens(list(dict.fromkeys(added)))
        self.size = len(self._tokenizer)
        self.end = [int(self._tokenizer.eos_token_id)]

    def encode(self, piece: str) -> list[int]:
        return list(self._tokenizer.encode(piece, add_special_tokens=False))


def _load_tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the tokenizer of {name!r} cannot be loaded ({reason})",
            "a local folder or a hub name that can be reached",
            "mend `name` of the recommender",
        ) from error


def vocabulary_of(name: str | None, pieces: Sequence[str]) -> Vocabulary:
    """That of the pretrained T5 `name`, or a compact one where there is no name."""
    return CompactVocabulary(pieces) if name is None else PretrainedVocabulary(name, pieces)
