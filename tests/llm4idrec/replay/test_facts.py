"""What a window is like beside what was known."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm4idrec.replay.facts import turnover, window_facts


def table(*pairs: tuple[str, str]) -> pa.Table:
    users, items = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table({"user": pa.array(users, pa.string()), "item": pa.array(items, pa.string())})


def test_by_hand() -> None:
    known = table(("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
    facts = window_facts(table(("a", "x"), ("c", "z"), ("c", "x"), ("d", "w")), known)
    assert facts["rows"] == 4
    assert facts["users"] == 3
    assert facts["new_users"] == pytest.approx(2 / 3)
    assert facts["new_items"] == pytest.approx(2 / 3)
    assert facts["popularity_drift"] == pytest.approx((0 + 0.5 + 0.25 + 0.25) / 2)


def test_the_same_and_nothing() -> None:
    known = table(("a", "x"), ("b", "y"))
    assert window_facts(known, known)["popularity_drift"] == 0
    empty = window_facts(table(), known)
    assert empty == {"rows": 0, "users": 0, "new_users": 0, "new_items": 0, "popularity_drift": 0}


def test_turnover() -> None:
    assert turnover(pa.array(["a", "b", "c", "d"]), pa.array(["a", "x"])) == {
        "items_came": 0.75,
        "items_left": 0.5,
    }
    assert turnover(pa.array(["a"]), None) == {"items_came": 0, "items_left": 0}
