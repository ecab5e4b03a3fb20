"""What was made to be served, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llm4idrec.serving.serve import LEARNT, RECOMMENDATIONS, Served
from llm4idrec.verdict.wording import system_name


def served_sentences(served: Served, out: Path) -> Iterator[str]:
    """What it is, what it learnt from, and where everything lies."""
    learnt = f"{served.pairs:,} pairs of {served.users:,} users"
    yield f"{system_name(served.system)}, trained on everything: {learnt}"
    if left := served.all_users - served.users:
        users = "1 user has" if left == 1 else f"{left:,} users have"
        yield f"{users} too little in the catalogue (data.k_core), and no row: show popular items"
    yield f"{out / RECOMMENDATIONS}.csv: the best items of each of these users"
    if served.added:
        yield f"{out / LEARNT}.csv: what was trained on, {served.added:,} added pairs among it"
