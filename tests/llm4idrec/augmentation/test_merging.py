from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import (
    generated_pairs,
    merge_candidates,
    relative_ranks,
    write_augmented,
)
from tests.llm4idrec.arrays import interactions

TRAIN = interactions([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 4, 5], (2, 8))
CANDIDATES = pa.table(
    {
        "user": pa.array([0, 0, 1], pa.int32()),
        "item": pa.array([6, 7, 0], pa.int32()),
        "votes": pa.array([5, 4, 3], pa.int32()),
        "mean_log_probability": pa.array([-1, -2, -3], pa.float32()),
        "popularity_exponent": pa.array([0, 0, 0], pa.float32()),
        "rank": pa.array([1, 2, 1], pa.int32()),
    }
)


def whole(candidates: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(merge_candidates(TRAIN, candidates, rows=4))


def test_every_pair_keeps_its_origin_and_relative_rank() -> None:
    merged = whole([CANDIDATES])
    assert merged["origin"].to_pylist() == ["original"] * 6 + ["generated"] * 3
    assert merged["relative_rank"].to_pylist() == [0] * 6 + [0.125, 0.375, 0.25]
    assert merged["popularity_exponent"].to_pylist() == [None] * 6 + [0, 0, 0]
    assert merged["votes"].to_pylist() == [None] * 6 + [5, 4, 3]
    original = interactions(merged["user"].to_numpy()[:6], merged["item"].to_numpy()[:6], (2, 8))
    assert original == TRAIN


def test_nothing_accepted_leaves_the_originals() -> None:
    assert len(whole([CANDIDATES.slice(0, 0)])) == len(TRAIN)


@given(st.integers(1, 1000), st.decimals("0.01", 1, places=2))
def test_an_amount_is_that_ratio_of_the_history_rounded_half_up(
    length: int, amount: Decimal
) -> None:
    train = interactions(np.zeros(length), np.arange(length), (1, 2 * length))
    candidates = pa.table(
        {
            "user": np.zeros(length, np.int32),
            "item": np.arange(length, 2 * length, dtype=np.int32),
            "popularity_exponent": np.zeros(length, np.float32),
            "rank": np.arange(1, length + 1, dtype=np.int32),
        }
    )
    generated = candidates.append_column(
        "relative_rank", pa.array(relative_ranks(candidates, train))
    )
    _, items = generated_pairs(generated, Augmentation(float(amount)))
    expected = int((amount * length).to_integral_value(ROUND_HALF_UP))
    assert items.tolist() == list(range(length, length + expected))


def test_pairs_are_of_the_order_asked_for() -> None:
    """Also by 0.1, which is another number in float32, as files have it."""
    other = CANDIDATES.set_column(
        CANDIDATES.column_names.index("popularity_exponent"),
        "popularity_exponent",
        pa.array([0.1] * 3, pa.float32()),
    ).set_column(1, "item", pa.array([7, 5, 1], pa.int32()))
    merged = whole([CANDIDATES, other])
    generated = merged.filter(merged["origin"].to_numpy(zero_copy_only=False) == "generated")
    assert len(generated) == 6
    for augmentation, expected in (
        (Augmentation(1.0, 0.0), {(0, 6), (0, 7), (1, 0)}),
        (Augmentation(1.0, 0.1), {(0, 7), (0, 5), (1, 1)}),
        (Augmentation(0.25, 0.1), {(0, 7), (1, 1)}),
        (Augmentation(1.0, 0.2), set()),
        (Augmentation(0.0, 0.1), set()),
    ):
        user, item = generated_pairs(generated, augmentation)
        assert set(zip(user.tolist(), item.tolist(), strict=True)) == expected


def test_a_user_without_history_has_no_ratio() -> None:
    empty = interactions([1], [0], (2, 8))
    assert relative_ranks(CANDIDATES, empty).tolist() == [np.inf, np.inf, 0.5]


def test_the_csv_is_in_the_users_own_identifiers(tmp_path: Path) -> None:
    merged = whole([CANDIDATES])
    users = pa.table({"id": ["ann", 'bob "b", jr']})
    items = pa.table({"id": [f"film {n}" for n in range(8)]})
    write_augmented(
        tmp_path, TRAIN, [merged.slice(0, 5), merged.slice(5)], users=users, items=items
    )
    assert pq.read_table(tmp_path / "interactions.parquet").equals(merged)
    rows = pyarrow.csv.read_csv(tmp_path / "interactions.csv").to_pylist()
    assert len(rows) == 9
    assert (rows[-1]["user"], rows[-1]["item"], rows[-1]["origin"]) == (
        'bob "b", jr',
        "film 0",
        "generated",
    )
