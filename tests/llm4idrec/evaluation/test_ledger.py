"""Every look at a test set leaves a line; the same question asked again is no other look."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.evaluation.ledger import count_looks, read, record
from llm4idrec.runtime.files import content_hash, read_json
from tests.llm4idrec.small_run import look
from tests.llm4idrec.two_tastes import REFIT, write_files


def test_a_line_is_added_and_none_is_lost(tmp_path: Path) -> None:
    ledger = tmp_path / "deep" / "mf.jsonl"
    record(ledger, look("a", "mf", "one"))
    before = ledger.read_text()
    record(ledger, look("a", "mf", "two"))
    assert ledger.read_text().startswith(before)
    assert [line["question"] for line in read(ledger)] == ["one", "two"]


def test_the_same_question_is_no_other_look(tmp_path: Path) -> None:
    ledger = tmp_path / "mf.jsonl"
    for _ in range(2):
        record(ledger, look("a", "mf", "one"))
    record(ledger, look("b", "mf", "one"))
    assert count_looks(tmp_path, "a") == {"mf": 1}
    assert count_looks(tmp_path, "b") == {"mf": 1}
    assert count_looks(tmp_path, "c") == {}


@pytest.mark.parametrize("line", ["{", "[]", '{"test": "a"}', "3"])
def test_a_line_that_is_no_look_is_named(line: str, tmp_path: Path) -> None:
    ledger = tmp_path / "mf.jsonl"
    record(ledger, look("a", "mf", "one"))
    ledger.write_text(ledger.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"mf\.jsonl, line 2: no look; expected one JSON object"):
        record(ledger, look("a", "mf", "two"))


@pytest.mark.slow
def test_an_evaluation_is_a_look_and_another_setting_another(tmp_path: Path) -> None:
    files = write_files(tmp_path)
    files.evaluate()
    assert files.ledger.is_file()
    (first,) = read(files.ledger)
    assert first["test"] == content_hash(files.heldout / "test.parquet")
    assert first["recommender"] == "mf"
    summary = read_json(files.out / "summary.json")
    assert first["result"]["original ndcg_at_4"] == summary["original_ndcg_at_4"]
    again = files.beside("again")
    record(again.ledger, first)
    again.evaluate()
    assert len(read(again.ledger)) == 1
    again.evaluate(REFIT)
    assert len(read(again.ledger)) == 2
