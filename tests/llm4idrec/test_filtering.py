import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.candidates import SCHEMA
from llm4idrec.config import FilterConfig
from llm4idrec.filtering import filter_candidates
from llm4idrec.interactions import Interactions

N_USERS, N_ITEMS = 4, 12
TRAIN = Interactions(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 4, 5]), N_USERS, N_ITEMS)


def generations(*rows: tuple[int, str, int | None, int, int, float, int]) -> pa.Table:
    names = SCHEMA.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], SCHEMA)


def test_every_reason_by_hand() -> None:
    table = generations(
        (0, "i7", 7, 4, 4, -1.0, 1),
        (0, "Please", None, 3, 5, -1.0, 2),  # does not parse, said twice by two answers
        (0, "i99", 99, 3, 3, -1.0, 3),  # not in the catalogue
        (0, "i2", 2, 3, 3, -1.0, 4),  # seen
        (0, "i8", 8, 2, 2, -9.0, 5),  # improbable
        (0, "i9", 9, 2, 2, -1.0, 6),
        (0, "i10", 10, 2, 2, -1.0, 7),  # over the amount: floor(0.5 * 4) = 2
        (0, "i11", 11, 1, 1, -1.0, 8),  # one vote
        (1, "i0", 0, 2, 2, -1.0, 1),
    )
    accepted, summary = filter_candidates(
        table, TRAIN, FilterConfig(min_votes=2, min_log_probability=-5, max_ratio=0.5)
    )
    assert accepted.select(["user", "item", "rank"]).to_pylist() == [
        {"user": 0, "item": 7, "rank": 1},
        {"user": 0, "item": 9, "rank": 2},
        {"user": 1, "item": 0, "rank": 1},
    ]
    assert summary == {
        "generated": 24,
        "duplicate": 2,
        "candidates": 9,
        "not_an_item": 1,
        "not_in_catalogue": 1,
        "already_seen": 1,
        "few_votes": 1,
        "low_log_probability": 1,
        "over_amount": 1,
        "accepted": 3,
        "users_with_accepted": 2,
    }


candidates = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(st.none(), st.integers(0, 20)),
        st.integers(1, 8),
        st.floats(-20, 0, width=32),
    ),
    max_size=40,
    unique_by=lambda row: row[:2],
)


@given(candidates, st.integers(1, 8), st.one_of(st.none(), st.floats(-20, 0)), st.floats(0.01, 2))
def test_nothing_unfit_is_accepted_and_every_candidate_is_counted(
    rows: list[tuple[int, int | None, int, float]], votes: int, log_p: float | None, ratio: float
) -> None:
    table = generations(
        *((u, f"i{i}", i, v, v, p, n) for n, (u, i, v, p) in enumerate(sorted(rows, key=str)))
    )
    config = FilterConfig(min_votes=votes, min_log_probability=log_p, max_ratio=ratio)
    accepted, summary = filter_candidates(table, TRAIN, config)
    assert accepted["item"].null_count == 0
    assert all(item < N_ITEMS for item in accepted["item"].to_pylist())
    assert not TRAIN.contains(accepted["user"], accepted["item"]).any()
    assert all(v >= votes for v in accepted["votes"].to_pylist())
    counts = np.bincount(accepted["user"].to_numpy(), minlength=N_USERS)
    assert (counts <= ratio * TRAIN.history_lengths).all()
    reasons = ("not_an_item", "not_in_catalogue", "already_seen", "few_votes")
    dropped = sum(summary[name] for name in (*reasons, "low_log_probability", "over_amount"))
    assert summary["candidates"] == len(rows) == dropped + summary["accepted"]


def test_the_smaller_of_ratio_and_count_caps() -> None:
    table = generations(*((0, f"i{i}", i, 8, 8, -1.0, i) for i in range(4, 12)))
    for ratio, most, expected in ((1.0, None, 4), (1.0, 3, 3), (0.5, 3, 2)):
        config = FilterConfig(min_votes=1, max_ratio=ratio, max_items=most)
        assert len(filter_candidates(table, TRAIN, config)[0]) == expected
