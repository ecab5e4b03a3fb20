"""Prompts made of nothing but IDs, after Chen et al. (TOIS 2025), and their exact parsing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.config import ListsConfig, PromptsConfig
from llm4idrec.errors import InputError
from llm4idrec.files import read_table, replacing_file
from llm4idrec.interactions import Interactions

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

NUMBER = "(?:0|[1-9][0-9]{0,8})"
"""Of a user or an item, as a regular expression: one way to write it, and no other digits."""

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
    items = [parse_item(part) for part in text.split(",")]
    return None if None in items else tuple(item for item in items if item is not None)


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


def require_order(train: Interactions, lists: ListsConfig) -> None:
    """Raises `InputError` if lists are to be in time order and there is no time."""
    if lists.order == "time" and train.timestamp is None:
        raise InputError(
            "lists.order is time, and the interactions have none",
            "a time for each interaction",
            "set data.timestamp, or lists.order to shuffled",
        )


def build_prompts(
    train: Interactions, config: PromptsConfig, lists: ListsConfig, seed: int
) -> Iterator[Prompt]:
    """`config.per_user` prompts for each user with at least three items, one at a time.

    A list is cut at a uniformly random point: what stands before is the history, the rest the
    answer. It is shuffled first; or it is in time order, where a random subset is a random stretch.
    Raises `InputError` if there is no time for that.
    """
    require_order(train, lists)
    users = np.flatnonzero(train.history_lengths >= SHORTEST_HISTORY).tolist()
    return (prompt for user in users for prompt in _of_user(train, user, config, lists, seed))


def _of_user(
    train: Interactions, user: int, config: PromptsConfig, lists: ListsConfig, seed: int
) -> Iterator[Prompt]:
    n_fully = round(config.per_user * config.fully_share)
    random = np.random.default_rng((seed, user))
    items = train.items_of(user)
    for number in range(config.per_user):
        kind: Kind = "fully" if number < n_fully else "randomly"
        size = len(items) if kind == "fully" else min(config.subset_length, len(items))
        named = user if lists.users else None
        if lists.order == "time":
            start = int(random.integers(len(items) - size + 1))
            part = items[start : start + size]
        else:
            part = random.permutation(items)[:size]
        cut = int(random.integers(1, len(part)))
        history, answer = tuple(part[:cut].tolist()), tuple(part[cut:].tolist())
        yield Prompt(named, kind, history, answer, lists.words)


def write_prompts(path: Path, prompts: Iterable[Prompt]) -> None:
    """Write JSON lines, or Parquet where the name ends so; `read_prompts` gives equal ones back."""
    rows = (
        {"user": p.user, "kind": p.kind, "prompt": p.question_text, "answer": p.answer_text}
        for p in prompts
    )
    with replacing_file(path) as partial:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(list(rows)), partial)
            return
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def read_prompts(path: Path) -> list[Prompt]:
    """Parse every prompt of a file from its text; `InputError` names a line that does not parse."""
    prompts = []
    for line, row in enumerate(_read_rows(path), 1):
        prompt = None
        match row:
            case {
                "prompt": str(question),
                "answer": str(answer),
                "kind": ("fully" | "randomly") as kind,
            }:
                prompt = parse_prompt(question, answer, kind)
        if prompt is None:
            raise InputError(
                "the prompt or its answer does not follow the template",
                f"a question like {question_text(12, (34, 56), words=True)!r} "
                "with an answer like 'i7,i8'",
                file=path,
                line=line,
            )
        prompts.append(prompt)
    return prompts


def _read_rows(path: Path) -> Iterator[object]:
    if path.suffix == ".parquet":
        yield from read_table(path).to_pylist()
        return
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"not a file of prompts ({error.strerror})", file=path) from error
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"not JSON ({error})", "a prompt a line", file=path, line=number
            ) from error
