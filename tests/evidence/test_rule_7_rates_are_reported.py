"""Rule 7: rates of invalid, duplicate and already-seen items, the validation hit rate of what is
accepted, the shift in popularity and the results by length of history are reported, and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.filtering import filter_candidates
from llm4idrec.config import FilterConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.generation.mentions import Mention, count_votes
from llm4idrec.report.added_items import FUNNEL
from llm4idrec.runtime.files import read_json, write_json
from tests.evidence.augmenting import Flow
from tests.llm4idrec.small_run import make, small_run

TRAIN = Interactions(np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 1, 2], np.int32), 2, 5)
ANSWERS = [
    (0, 0, ["i3", "i3", "i1", "hello"]),
    (0, 1, ["i3", "i4", "i7"]),
    (1, 2, ["i0", "i0", "i0", "i12x"]),
    (1, 3, ["i0", "i1"]),
]
"""User, answer, items. Of 13 items said, i3 (once) and i0 (twice) are said again in an answer."""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    return small_run(tmp_path)


def counted() -> dict[str, int]:
    mentions = [
        (user, answer, Mention(answer, text, -1.0))
        for user, answer, said in ANSWERS
        for text in said
    ]
    config = FilterConfig(min_votes=2, popularity_exponents=(0,), max_ratio=1)
    return filter_candidates(count_votes(mentions), TRAIN, config)[1]


def test_invalid_duplicate_and_seen_are_counted() -> None:
    assert counted() == {
        "generated": 13,
        "duplicate": 3,
        "candidates": 8,  # user 0: i3, i1, hello, i4, i7; user 1: i0, i12x, i1
        "not_an_item": 2,
        "not_in_catalogue": 1,
        "already_seen": 2,
        "few_votes": 1,
        "low_log_probability": 0,
        "over_amount": 0,
        "accepted": 2,
        "users_with_accepted": 2,
    }


def test_the_counts_of_a_run_add_up(flow: Flow) -> None:
    counts = read_json(flow.at / "candidates" / "summary.json")
    reasons = [reason for reason, _ in FUNNEL]
    assert counts["candidates"] == sum(counts[reason] for reason in (*reasons, "accepted"))
    others = {"generated", "duplicate", "candidates", "accepted", "users_with_accepted"}
    assert counts.keys() == {*reasons, *others}
    assert counts["few_votes"] > 0
    accepted = pq.read_table(flow.at / "candidates" / "candidates.parquet")
    pairs = set(zip(accepted["user"].to_pylist(), accepted["item"].to_pylist(), strict=True))
    assert counts["accepted"] == len(pairs)


def test_the_counts_are_on_the_page(folders: dict[str, Any]) -> None:
    write_json(folders["candidates"] / "summary.json", counted())
    funnel = make(folders).section("funnel")
    assert "13 items in all answers are 8 different pairs" in funnel
    left = {"naming an item": 6, "in the catalogue": 5, "new to the user": 3}
    left |= {"with enough votes": 2, "accepted: within the amount": 2}
    for step, number in left.items():
        assert f"{step} {number}" in funnel


def test_the_validation_hit_rate_of_what_is_added_is_on_the_page(folders: dict[str, Any]) -> None:
    """The model adds (0, 3) and (1, 3) at 0.5, of which the first is in validation; (0, 2) and
    (1, 3) would both be, had the test set, or the other order, been looked at. What is added for
    the test knows validation, so a rate of it would say nothing."""
    for name, items in (("valid", [3, 2]), ("test", [2, 3])):
        held = Interactions(np.arange(2, dtype=np.int32), np.array(items, np.int32), 30, 5)
        held.write(folders["heldout"] / f"{name}.parquet")
    arms = folders["augmented"] / "arms"
    final = pq.read_table(arms / "final-0.parquet")
    none = pa.array(np.full(len(final), 1, np.int32))
    place = final.column_names.index("item")
    pq.write_table(final.set_column(place, "item", none), arms / "final-0.parquet")
    funnel = make(folders).section("funnel")
    assert "language model 2 50.0 %" in funnel.split("Amount 0.5, popularity discount 0")[1]
    assert "language model 1 0.0 %" in funnel.split("Amount 0.5, popularity discount 1")[1]


def test_the_shift_in_popularity_is_on_the_page(folders: dict[str, Any]) -> None:
    """Items have 30, 22, 14 and 7 train interactions; item 2 is what is added."""
    shift = make(folders).section("popularity")
    own = (30**2 + 22**2 + 14**2 + 7**2) / 73
    assert f"language model ×{14 / own:.2f}" in shift
    assert "interactions ×1.00" in shift
    assert "EASE, tail: 2 items: 100 %" in shift


def test_results_by_length_of_history_are_on_the_page(folders: dict[str, Any]) -> None:
    """User u has u mod 4 + 1 items. Users with four gain twice what they had, the rest nothing."""
    file = folders["evaluations"][0] / "per_user.parquet"
    table = pq.read_table(file)
    variant = np.array(table["variant"].to_pylist())
    long = (variant == "language_model") & (table["user"].to_numpy() % 4 == 3)
    before = table["ndcg_at_5"].to_numpy()[variant == "original"]
    ndcg = table["ndcg_at_5"].to_numpy().copy()
    ndcg[variant == "language_model"] = before
    ndcg[long] *= 3
    place = table.column_names.index("ndcg_at_5")
    pq.write_table(table.set_column(place, "ndcg_at_5", pa.array(ndcg)), file)
    history = make(folders).section("history")
    assert "1 to 2 items +0.0 % 16" in history
    assert "3 items +0.0 % 7" in history
    assert "4 items +200.0 % 7" in history
