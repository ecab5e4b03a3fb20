"""How validation went, by data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.histories import compared, mean_histories


def test_a_mean_ends_where_the_first_seed_stopped(evaluation: Path) -> None:
    assert compared(evaluation) == {"original": 2, "augmented": 2, "ease": 1}
    lines = {
        name: list(zip(*(table[c].to_pylist() for c in ("epoch", "recall_at_5")), strict=True))
        for name, table in mean_histories(evaluation).items()
    }
    assert lines["original"] == [(5, pytest.approx(0.2)), (10, pytest.approx(0.3))]
    assert lines["augmented"] == [(5, pytest.approx(0.3))]
    assert lines["ease"] == [(5, 0.7)]


def test_where_nothing_is_added_both_lines_are_the_same(evaluation: Path) -> None:
    nothing = {
        "metric": "recall_at_5",
        "chosen": {"amount": 0.0, "popularity_exponent": 0.0},
        "scores": [],
    }
    write_json(evaluation / "selection.json", nothing)
    histories = mean_histories(evaluation)
    assert histories["augmented"].equals(histories["original"])
    assert len(histories["original"]) == 2


def test_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"per_user\.parquet: there is no such file"):
        compared(tmp_path)
