"""The answer in tables for a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.tables import answer, control_comparison_table, verdict_table
from tests.llm4idrec.verdict.rows import (
    CONTROL_ROW,
    MODEL_ROW,
    ROW,
    changed_row,
    changed_source,
)


def test_verdict() -> None:
    lines = verdict_table([ROW, changed_row(ci_low=-0.0002, p_value=0.5, recommender="svd")]).split(
        "\n"
    )
    assert lines[0].split()[:4] == ["recommender", "metric", "original", "augmented"]
    assert lines[1].split()[:5] == ["MF", "NDCG@20", "0.2000", "0.2200", "+10.0"]
    assert lines[1].endswith("< 0.001  helps")
    assert "+0.0 to +15.0 %" in lines[2]
    assert lines[2].endswith("0.500  cannot tell")
    assert lines[1].index("0.2000") == lines[2].index("0.2000")


@pytest.mark.parametrize("protocol", ["random", "global_time"])
def test_the_answer_says_once_what_a_random_split_shows(tmp_path: Path, protocol: str) -> None:
    rows = [changed_row(protocol=protocol, recommender=name) for name in ("mf", "ease")]
    for name, content in (("comparison", rows), ("controls", [MODEL_ROW, CONTROL_ROW])):
        write_json(tmp_path / f"{name}.json", content)
    text = answer(tmp_path / "comparison.json", tmp_path / "controls.json")
    assert text.count("so they see the future") == (protocol == "random")


def test_control_comparison() -> None:
    lines = control_comparison_table(
        [MODEL_ROW, CONTROL_ROW, changed_source(metric="hr_at_20", headline=False)]
    ).split("\n")
    assert len(lines) == 3
    assert lines[1].split() == ["MF", "NDCG@20", "language", "model", "0.2000", "+10.0", "%"]
    assert lines[2].endswith("+2.0 %  +1.0 to +3.0 %  0.002  ahead")
    assert lines[1].index("0.2000") == lines[2].index("0.2000")
