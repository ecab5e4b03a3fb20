"""Any prompts, and the rows they are in a table."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from llm4idrec.language_model.prompts import PROMPTS, Prompt

items = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).map(tuple)
prompts = st.builds(
    Prompt,
    st.none() | st.integers(0, 10**6),
    st.sampled_from(["fully", "randomly"]),
    items,
    items,
    st.booleans(),
)


def table(some: Iterable[Prompt]) -> pa.Table:
    return pa.Table.from_pylist([row(prompt) for prompt in some], PROMPTS)


def row(p: Prompt) -> dict[str, Any]:
    return {"user": p.user, "kind": p.kind, "prompt": p.question_text, "answer": p.answer_text}
