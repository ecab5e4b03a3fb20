"""Every look at a test set, a line each in a file that is only added to.

A figure that was chosen among several looks at the same test users is no estimate any more, so a
report says how often these were looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_file


class Look(TypedDict):
    """One evaluation."""

    test: str
    """Hash of the test set."""
    recommender: str
    question: str
    """Hash of all that shapes the evaluation: the same question has the same answer, and asking it
    again is no other look."""
    settings: dict[str, Any]
    """The parameters that shape it, by section."""
    code: str
    """The version of the code, if it is known."""
    result: dict[str, float]
    """Means over test users and seeds, by name."""


def record(ledger: Path, look: Look) -> None:
    """Add a line, unless it is there.

    The file is written anew beside the old one, which may be shared with a cache.
    """
    before = read(ledger) if ledger.is_file() else []
    if any(_key(look) == _key(earlier) for earlier in before):
        return
    with replacing_file(ledger) as partial:
        lines = [json.dumps(line, sort_keys=True) + "\n" for line in (*before, look)]
        partial.write_text("".join(lines), encoding="utf-8")


def read(ledger: Path) -> list[Look]:
    """The lines; `InputError` for one that is none."""
    looks: list[Look] = []
    for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), 1):
        try:
            look = json.loads(line)
            looks.append(Look(**{key: look[key] for key in Look.__required_keys__}))  # type: ignore[typeddict-item]
        except (ValueError, KeyError, TypeError) as error:
            expected = f"one JSON object with {', '.join(sorted(Look.__required_keys__))}"
            remedy = "restore it, as by `dvc checkout`, or remove the line"
            raise InputError("no look", expected, remedy, file=ledger, line=number) from error
    return looks


def count_looks(ledgers: Path, test: str) -> Mapping[str, int]:
    """How often the test set with this hash was looked at, by recommender; `ledgers` is the folder
    of all files."""
    counts: dict[str, int] = {}
    for file in sorted(ledgers.glob("*.jsonl")):
        for look in read(file):
            if look["test"] == test:
                counts[look["recommender"]] = counts.get(look["recommender"], 0) + 1
    return counts


def _key(look: Look) -> tuple[str, str, str]:
    return look["test"], look["recommender"], look["question"]
