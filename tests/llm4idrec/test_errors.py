"""An error is one sentence, and the command's exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.errors import DivergenceError, InputError, LLM4IDRecError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("it is empty"), "it is empty"),
        (InputError("it is empty", "a row"), "it is empty; expected a row"),
        (InputError("it is empty", remedy="add one"), "it is empty; add one"),
        (InputError("it is empty", file=Path("a.csv")), "a.csv: it is empty"),
        (
            InputError("the user is empty", "an ID", "mend it", file="a.csv", line=3),
            "a.csv, line 3: the user is empty; expected an ID; mend it",
        ),
    ],
)
def test_sentence(error: InputError, sentence: str) -> None:
    assert str(error) == sentence


def test_one_tree() -> None:
    assert issubclass(InputError, LLM4IDRecError)
    assert issubclass(DivergenceError, LLM4IDRecError)
    assert (InputError.exit_code, DivergenceError.exit_code) == (2, 1)
