"""Prompts made of nothing but IDs, after Chen et al. (TOIS 2025), and their exact parsing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from string import Formatter
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import ListsConfig, PromptsConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.errors import InputError

TEMPLATE = (
    "Given the user(u{user})'s clicked list items:{items}, predict what is the list items to "
    "recommend to the user(u{user}). Please only answer the item IDs."
)
QUESTIONS = {
    (True, True): TEMPLATE,
    (True, False): TEMPLATE.replace("(u{user})", ""),
    (False, True): "u{user}:{items},",
    (False, False): "{items},",
}
"""How to ask, by whether words are used and whether the user is named."""
SHORTEST_HISTORY = 3
"""Users with fewer items get no prompt, as in the authors' code."""
PROMPTS = pa.schema(
    {"user": pa.int32(), "kind": pa.string(), "prompt": pa.string(), "answer": pa.string()}
)
"""A row is a prompt; `user` is null where the question does not say whose history it is."""
_ITEMS_A_TABLE = 1 << 20

NUMBER = "(?:0|[1-9][0-9]{0,8})"
"""Of a user or an item, as a regular expression: one way to write it, and no other digits."""

_ITEMS = re.compile(f"i{NUMBER}(?:,i{NUMBER})*")

Kind = Literal["fully", "randomly"]
_PATTERNS = [
    (
        words,
        re.compile(
            re.escape(question)
            .replace(r"\{items\}", r"(?P<items>[i0-9,]+)")
            .replace(r"\{user\}", rf"(?P<user>{NUMBER})", 1)
            .replace(r"\{user\}", r"(?P=user)")
        ),
    )
    for (words, _), question in QUESTIONS.items()
]


@dataclass(frozen=True)
class Prompt:
    """A question about a user with a part of the history, and the answer expected.

    `user` is None where the question does not say whose history it is; `words` says whether it is
    in words. `kind` is *fully* when both parts together are the user's whole list (global
    structure) and *randomly* when they are a random subset of fixed length (local structure).
    """

    user: int | None
    kind: Kind
    history: tuple[int, ...]
    answer: tuple[int, ...]
    words: bool = False

    @property
    def question_text(self) -> str:
        return question_text(self.user, self.history, self.words)

    @property
    def answer_text(self) -> str:
        return items_text(self.answer)

    def shortened(self, n_history: int, n_answer: int) -> Prompt:
        """With so many items of each part: those next to the cut between them."""
        history = self.history[len(self.history) - n_history :]
        return replace(self, history=history, answer=self.answer[:n_answer])


def items_text(items: Iterable[int]) -> str:
    """`i34,i56`: how a list of items is written in prompts and answers."""
    return ",".join(f"i{item}" for item in items)


def question_text(user: int | None, history: Iterable[int], words: bool) -> str:
    """The question that `QUESTIONS` has for this, filled in; None is a user who is not named."""
    question = QUESTIONS[words, user is not None]
    return question.format(user=user, items=items_text(history))


def parse_item(text: str) -> int | None:
    """`i34` -> 34; None for anything else, such as `i034`, `34`, `xi34`, `i34.5` or `i٣٤`."""
    return int(text[1:]) if re.fullmatch(f"i{NUMBER}", text) else None


def parse_items(text: str) -> tuple[int, ...] | None:
    """`i34,i56` -> (34, 56); None if any part is not an item."""
    return tuple(map(int, text[1:].split(",i"))) if _ITEMS.fullmatch(text) else None


def parse_prompt(question: str, answer: str, kind: Kind) -> Prompt | None:
    """The exact inverse of `question_text` and `answer_text`; None if either does not parse."""
    matches = ((words, pattern.fullmatch(question)) for words, pattern in _PATTERNS)
    words, match = next((found for found in matches if found[1]), (False, None))
    if match is None:
        return None
    history, answered = parse_items(match["items"]), parse_items(answer)
    if history is None or answered is None:
        return None
    user = match.groupdict().get("user")
    return Prompt(None if user is None else int(user), kind, history, answered, words)


def require_order(lists: ListsConfig, *, has_time: bool) -> None:
    """Raises `InputError` if lists are to be in time order and there is no time."""
    if lists.order == "auto":
        raise ValueError("lists.order is auto, expected what it stands for (data/protocol.py)")
    if lists.order == "time" and not has_time:
        raise InputError(
            "lists.order is time, and the interactions have none",
            "a time for each interaction",
            "set data.timestamp, or lists.order to shuffled",
        )


def require_prompts(train: Interactions) -> None:
    """Raises `InputError` if no user has enough items for a prompt."""
    if train.history_lengths.max(initial=0) < SHORTEST_HISTORY:
        raise InputError(
            f"no user has {SHORTEST_HISTORY} items in the train set",
            "some, to build prompts of",
            "take more data, or hold out less in `split`",
        )


def build_prompts(
    train: Interactions, config: PromptsConfig, lists: ListsConfig, *, seed: int
) -> Iterator[pa.Table]:
    """`config.per_user` prompts for each user with at least three items, in tables of `PROMPTS`.

    A list is cut at a uniformly random point: what stands before is the history, the rest the
    answer. It is shuffled first; or it is in time order, where a random subset is a random stretch.
    The tables take some hundred MB at most, however many users there are. Raises `InputError` if
    there is no time for that order.
    """
    require_order(lists, has_time=train.has_time)
    users = np.flatnonzero(train.history_lengths >= SHORTEST_HISTORY)
    items = np.cumsum(train.history_lengths[users] * config.per_user)
    chunks = np.split(users, np.flatnonzero(np.diff(items // _ITEMS_A_TABLE)) + 1)
    numbers = pa.array(np.arange(train.n_items)).cast(pa.string())
    names = pc.binary_join_element_wise("i", numbers, "")
    return (
        _table(train, chunk, names, config=config, lists=lists, seed=seed)
        for chunk in chunks
        if len(chunk)
    )


def _table(
    train: Interactions,
    users: LongArray,
    names: pa.Array,
    *,
    config: PromptsConfig,
    lists: ListsConfig,
    seed: int,
) -> pa.Table:
    """The prompts of `users` (n,); `names` (n_items,) are the texts of all items.

    `train`, `config`, `lists` and `seed` are those of `build_prompts`.
    """
    n_fully = round(config.per_user * config.fully_share)
    kinds = ["fully"] * n_fully + ["randomly"] * (config.per_user - n_fully)
    max_sizes = [train.n_items if kind == "fully" else config.subset_length for kind in kinds]
    sizes = np.minimum(train.history_lengths[users, None], max_sizes)
    items, cuts = _draw(train, users, sizes, lists=lists, seed=seed)
    starts = np.cumsum(sizes) - sizes.ravel()
    # A history, its answer, a history, its answer...
    bounds = np.append(np.column_stack((starts, starts + cuts)), len(items))
    texts = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), names.take(pa.array(items)))
    texts = pc.binary_join(texts, ",")
    asked = np.repeat(users, config.per_user)
    parts = {"user": pc.cast(pa.array(asked), pa.string()), "items": texts[::2]}
    return pa.table(
        {
            "user": pa.array(asked if lists.users else pa.nulls(len(asked)), pa.int32()),
            "kind": pa.array(kinds * len(users), pa.string()),
            "prompt": filled(QUESTIONS[lists.words, lists.users], parts),
            "answer": texts[1::2],
        },
        PROMPTS,
    )


def _draw(
    train: Interactions, users: LongArray, sizes: LongArray, *, lists: ListsConfig, seed: int
) -> tuple[IntArray, LongArray]:
    """Items of the prompts, one after the other, and how many of each are history; `sizes`
    (users, prompts) is how many each has. What a user's prompts are does not depend on others.

    They are of the `users` (n,) of `train`, in the order that `lists` asks for, drawn by `seed` and
    the user's number.
    """
    parts, cuts = np.empty(sizes.sum(), np.int32), []
    end = 0
    for user, its in zip(users.tolist(), sizes.tolist(), strict=True):
        random = np.random.default_rng((seed, user))
        items = train.items_of(user)
        for size in its:
            start, end = end, end + size
            if lists.order == "time":
                first = int(random.integers(len(items) - size + 1))
                parts[start:end] = items[first : first + size]
            else:
                parts[start:end] = random.permutation(items)[:size]
            cuts.append(random.integers(1, size))
    return parts, np.asarray(cuts, np.int64)


def filled(template: str, columns: Mapping[str, pa.Array]) -> pa.Array:
    """`template.format` of every row of `columns`."""
    parts: list[str | pa.Array] = []
    for text, name, _, _ in Formatter().parse(template):
        parts += [text] if name is None else [text, columns[name]]
    return pc.binary_join_element_wise(*parts, "")
