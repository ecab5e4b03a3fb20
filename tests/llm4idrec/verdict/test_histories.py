"""How validation went, by data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.histories import compared, mean_histories


def test_a_mean_ends_where_the_first_seed_stopped(evaluation: Path) -> None:
    names = ("original", "language_model", "ease", "original&ease")
    assert compared(evaluation) == dict.fromkeys(names, 2)
    lines = {
        name: list(zip(*(table[c].to_pylist() for c in ("epoch", "recall_at_5")), strict=True))
        for name, table in mean_histories(evaluation).items()
    }
    assert lines["original"] == [(5, pytest.approx(0.2)), (10, pytest.approx(0.3))]
    assert lines["language_model"] == [(5, pytest.approx(0.3))]
    assert lines["ease"] == [(5, 0.7)]
    assert "original&ease" not in lines  # which trains nothing


def test_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "selection.json", {"metric": "recall_at_5", "chosen": {}})
    with pytest.raises(InputError, match=r"selection\.json: it has no choice for each arm"):
        compared(tmp_path)
