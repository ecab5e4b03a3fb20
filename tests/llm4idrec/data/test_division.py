"""The k-core of a split by time: what is held out keeps nothing in train."""

from __future__ import annotations

import pytest

from llm4idrec.config import SplitConfig
from llm4idrec.data.split import split_raw
from tests.llm4idrec.data.tables import data, given_test, parts, raw

BY_TIME = ["user_time", "leave_last_out", "global_time"]


@pytest.mark.parametrize("protocol", BY_TIME)
def test_by_time_the_k_core_is_of_train(protocol: str) -> None:
    """`rare` has one train row and three that are held out; `z` has two rows of train."""
    triples = [(f"u{u}", f"i{(u + n) % 6}", 100 * n + u) for u in range(6) for n in range(5)]
    triples += [(f"u{u}", "rare", 900 + u) for u in range(3)] + [("u3", "rare", 7)]
    triples += [("z", "i0", 5), ("z", "i1", 105), ("z", "i2", 903), ("z", "i3", 904)]
    config = SplitConfig.model_validate(
        {"protocol": protocol, "valid": 0.1, "test": 0.2, "min_test_users": 1}
    )
    split = split_raw(raw(triples), None, data=data(k_core=3), split=config, seed=1)
    named = parts(split)
    assert {item for _, item in named["train"]} == {f"i{n}" for n in range(6)}
    assert "z" not in split.users["id"].to_pylist()
    assert {pair for pair in named["test"] if pair[1] == "rare"} >= {("u1", "rare"), ("u2", "rare")}
    counts = split.summary
    assert counts["items_removed_by_k_core"] == 1
    assert counts["users_removed_by_k_core"] == 1
    assert counts["pairs_removed_by_k_core"] == 3
    assert counts["users_without_train"] == 0
    assert counts["test_pairs_outside_catalogue"] >= 2


@pytest.mark.parametrize("protocol", ["user_time", "leave_last_out"])
def test_with_a_given_test_set_the_k_core_is_of_train_too(protocol: str) -> None:
    """`rare` is in validation for three users, and has one train row."""
    triples = [(f"u{u}", f"i{(u + n) % 6}", 100 * n + u) for u in range(6) for n in range(5)]
    triples += [(f"u{u}", "rare", 900 + u) for u in range(3)] + [("u3", "rare", 7)]
    test = [("u0", "rare", 950), ("u1", "i0", 950), ("u4", "rare", 950)]
    config = SplitConfig.model_validate({"protocol": protocol})
    split = split_raw(raw(triples), raw(test), data=given_test(k_core=3), split=config, seed=1)
    named = parts(split)
    assert {item for _, item in named["train"]} == {f"i{n}" for n in range(6)}
    assert {pair for pair in named["valid"] if pair[1] == "rare"} == {
        (f"u{u}", "rare") for u in range(3)
    }
    assert named["test"] == {("u1", "i0"), ("u4", "rare")}  # u0 has it in validation
    assert split.summary["items_removed_by_k_core"] == 1
    assert split.summary["test_pairs_in_train"] == 1
