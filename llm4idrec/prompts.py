"""Prompts made of nothing but IDs, after Chen et al. (TOIS 2025), and their exact parsing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.config import PromptsConfig
from llm4idrec.errors import InputError
from llm4idrec.files import replacing_file
from llm4idrec.interactions import Interactions

TEMPLATE = (
    "Given the user(u{user})'s clicked list items:{items}, predict what is the list items to "
    "recommend to the user(u{user}). Please only answer the item IDs."
)
SHORTEST_HISTORY = 3
"""Users with fewer items get no prompt, as in the authors' code."""

Kind = Literal["fully", "randomly"]
_PROMPT = re.compile(
    r"\s*".join(re.escape(part) for part in TEMPLATE.split("{items}"))
    .replace(r"\{user\}", r"(\d+)", 1)
    .replace(r"\{user\}", r"\1")
    .replace(r"\s*", r"([i\d,]+)")
)


@dataclass(frozen=True)
class Prompt:
    """A question about a user with a part of the history, and the answer expected.

    `kind` is *fully* when both parts together are the user's whole list (global structure) and
    *randomly* when they are a random subset of fixed length (local structure).
    """

    user: int
    kind: Kind
    history: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def question_text(self) -> str:
        return question_text(self.user, self.history)

    @property
    def answer_text(self) -> str:
        return items_text(self.answer)


def items_text(items: Iterable[int]) -> str:
    """`i34,i56`: how a list of items is written in prompts and answers."""
    return ",".join(f"i{item}" for item in items)


def question_text(user: int, history: Iterable[int]) -> str:
    """The template filled in."""
    return TEMPLATE.format(user=user, items=items_text(history))


def parse_item(text: str) -> int | None:
    """`i34` -> 34; None for anything else, such as `i034` or `34`."""
    return int(text[1:]) if re.fullmatch(r"i(0|[1-9]\d{0,8})", text) else None


def parse_items(text: str) -> tuple[int, ...] | None:
    """`i34,i56` -> (34, 56); None if any part is not an item."""
    items = [parse_item(part) for part in text.split(",")]
    return None if None in items else tuple(item for item in items if item is not None)


def parse_prompt(question: str, answer: str, kind: Kind) -> Prompt | None:
    """The exact inverse of `question_text` and `answer_text`; None if either does not parse."""
    match = _PROMPT.fullmatch(question)
    history = parse_items(match[2]) if match else None
    answered = parse_items(answer)
    if match is None or history is None or answered is None:
        return None
    return Prompt(int(match[1]), kind, history, answered)


def build_prompts(train: Interactions, config: PromptsConfig, seed: int) -> list[Prompt]:
    """`config.per_user` prompts for each user with at least three items.

    A list is shuffled and cut at a uniformly random point: what stands before is the history,
    the rest the answer.
    """
    n_fully = round(config.per_user * config.fully_share)
    prompts = []
    for user in np.flatnonzero(train.history_lengths >= SHORTEST_HISTORY).tolist():
        random = np.random.default_rng((seed, user))
        items = train.items_of(user)
        for number in range(config.per_user):
            kind: Kind = "fully" if number < n_fully else "randomly"
            size = len(items) if kind == "fully" else min(config.subset_length, len(items))
            prompts.append(_cut_list(user, kind, random.permutation(items)[:size], random))
    return prompts


def _cut_list(
    user: int, kind: Kind, items: npt.NDArray[np.int32], random: np.random.Generator
) -> Prompt:
    cut = int(random.integers(1, len(items)))
    return Prompt(user, kind, tuple(items[:cut].tolist()), tuple(items[cut:].tolist()))


def write_prompts(path: Path, prompts: Sequence[Prompt]) -> None:
    """Write JSON lines, or Parquet where the name ends so; `read_prompts` gives equal ones back."""
    rows = [
        {"user": p.user, "kind": p.kind, "prompt": p.question_text, "answer": p.answer_text}
        for p in prompts
    ]
    with replacing_file(path) as partial:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), partial)
        else:
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            partial.write_text(lines, encoding="utf-8")


def read_prompts(path: Path) -> list[Prompt]:
    """Parse every prompt of a file from its text; `InputError` names a line that does not parse."""
    prompts = []
    for line, row in enumerate(_read_rows(path), 1):
        prompt = None
        if isinstance(row, dict) and {"prompt", "answer", "kind"} <= row.keys():
            prompt = parse_prompt(row["prompt"], row["answer"], row["kind"])
        if prompt is None:
            raise InputError(
                "the prompt or its answer does not follow the template",
                f"a question like {question_text(12, (34, 56))!r} with an answer like 'i7,i8'",
                file=path,
                line=line,
            )
        prompts.append(prompt)
    return prompts


def _read_rows(path: Path) -> list[object]:
    try:
        if path.suffix == ".parquet":
            return list(pq.read_table(path).to_pylist())
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"not a file of prompts ({error})", file=path) from error
