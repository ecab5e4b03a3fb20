"""The answer in tables for a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.errors import InputError
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
    assert lines[0].split()[:5] == ["recommender", "metric", "seeds", "original", "augmented"]
    assert lines[1].split()[:6] == ["MF", "NDCG@20", "5", "0.2000", "0.2200", "+10.0"]
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
    assert lines[1].split()[2:] == ["language", "model", "5", "0.1800", "0.2000", "+10.0", "%"]
    assert lines[2].endswith("0.2040    +2.0 %  +1.0 to +3.0 %  0.002  ahead")
    assert lines[1].index("0.2000") == lines[2].index("0.2000")


def test_nothing_chosen() -> None:
    assert verdict_table([changed_row(amount=0.0)]).endswith("nothing chosen")
    rows = [changed_source(MODEL_ROW, amount=0.0)]
    assert control_comparison_table(rows).endswith("nothing chosen")


def test_files_of_an_earlier_version_are_refused(tmp_path: Path) -> None:
    comparison, controls = tmp_path / "comparison.json", tmp_path / "controls.json"
    write_json(comparison, [ROW])
    write_json(controls, [CONTROL_ROW])
    assert "ahead" in answer(comparison, controls)
    write_json(comparison, [{key: value for key, value in ROW.items() if key != "amount"}])
    expected = "comparison.json: a row has no `amount`; expected rows as this version writes them"
    with pytest.raises(InputError, match=expected):
        answer(comparison, controls)
