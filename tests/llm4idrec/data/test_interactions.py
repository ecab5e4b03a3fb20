"""The table that crosses every boundary: what it refuses, keeps sorted and gives back."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError

PAIRS = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 6)))


def table(pairs: Any, time: Any = None) -> Interactions:
    user, item = np.array(list(pairs), np.int32).reshape(-1, 2).T
    return Interactions(user, item, 6, 7, time)


@given(pairs=PAIRS, wanted=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6))))
def test_views_agree_with_the_pairs(
    pairs: set[tuple[int, int]], wanted: list[tuple[int, int]]
) -> None:
    interactions = table(pairs)
    assert len(interactions) == len(pairs)
    assert list(zip(interactions.user, interactions.item, strict=True)) == sorted(pairs)
    assert interactions.history_lengths.tolist() == [
        sum(u == k for u, _ in pairs) for k in range(6)
    ]
    assert interactions.item_counts.tolist() == [sum(i == k for _, i in pairs) for k in range(7)]
    for user in range(6):
        assert set(interactions.items_of(user)) == {i for u, i in pairs if u == user}
    users, items = np.array(wanted, np.int64).reshape(-1, 2).T
    assert interactions.contains(users, items).tolist() == [pair in pairs for pair in wanted]
    united = interactions.union(users, items)
    assert set(zip(united.user, united.item, strict=True)) == pairs | set(wanted)


def test_items_stand_in_time_order() -> None:
    interactions = table([(0, 3), (1, 2), (0, 1), (0, 6)], [30, 5, 10, 20])
    assert interactions.items_of(0).tolist() == [1, 6, 3]
    assert interactions.timestamp is not None
    assert interactions.timestamp.tolist() == [10, 20, 30, 5]


@given(pairs=PAIRS, draw=st.randoms(use_true_random=False))
def test_the_order_within_a_moment_is_always_the_same(
    pairs: set[tuple[int, int]], draw: random.Random
) -> None:
    """However the pairs were given, and whatever else is there."""
    shuffled = draw.sample(sorted(pairs), len(pairs))
    found = table(shuffled, np.zeros(len(pairs)))
    assert found == table(pairs, np.zeros(len(pairs)))
    some = [pair for pair in sorted(pairs) if pair[1] < 4]
    fewer = table(some, np.zeros(len(some)))
    for user in range(6):
        assert fewer.items_of(user).tolist() == [i for i in found.items_of(user) if i < 4]


def test_union_keeps_time_where_both_have_it() -> None:
    one = table([(0, 3), (1, 2), (0, 1)], [30, 5, 10])
    user, item, time = [0, 0, 1, 0, 0], [6, 1, 4, 5, 6], [20, 99, 4, 40, 1]

    united = one.union(user, item, time)

    assert united.items_of(0).tolist() == [1, 6, 3, 5]  # 1 and the second 6 are repeats
    assert united.items_of(1).tolist() == [4, 2]
    assert united.timestamp is not None
    assert united.timestamp.tolist() == [10, 20, 30, 40, 4, 5]
    assert one.union(user, item).timestamp is None
    assert table([(0, 3)]).union(user, item, time).timestamp is None
    assert one.union([], [], []) == one


def test_arrays_are_read_only_and_not_the_callers() -> None:
    user, item = np.array([0, 1], np.int32), np.array([2, 3], np.int32)
    interactions = Interactions(user, item, 6, 7, np.array([1, 2]))
    user[0] = 5
    assert interactions.user.tolist() == [0, 1]
    for column in (interactions.user, interactions.item, interactions.timestamp):
        assert column is not None
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


@pytest.mark.parametrize(
    ("user", "item", "time", "message"),
    [
        ([0, 1], [0], None, r"user has shape \(2,\), item \(1,\)"),
        ([[0]], [[0]], None, r"user has shape \(1, 1\)"),
        ([0], [0], [1, 2], r"timestamp has shape \(2,\), expected \(1,\)"),
        ([6], [0], None, r"user lies in \[6, 6\], expected \[0, 6\)"),
        ([0, 1], [-1, 3], None, r"item lies in \[-1, 3\], expected \[0, 7\)"),
        ([1, 1], [2, 2], None, "a \\(user, item\\) pair is repeated"),
    ],
)
def test_refusals(user: Any, item: Any, time: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Interactions(np.array(user), np.array(item), 6, 7, time)


@pytest.mark.parametrize("time", [None, [30, 5, 10]])
def test_write_and_read(tmp_path: Path, time: list[int] | None) -> None:
    interactions = table([(0, 3), (1, 2), (0, 1)], time)
    interactions.write(tmp_path / "interactions.parquet")
    back = Interactions.read(tmp_path / "interactions.parquet")
    assert back == interactions
    assert (back.n_users, back.n_items) == (6, 7)
    assert back != table([(0, 3), (1, 2)])


def test_read_refuses_other_files(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    with pytest.raises(InputError, match=r"a.parquet: there is no such file; run the stage"):
        Interactions.read(file)
    file.write_text("user,item")
    with pytest.raises(InputError, match=r"a.parquet: cannot be read .*; expected Parquet"):
        Interactions.read(file)
    pq.write_table(pa.table({"user": [1], "item": [1]}), file)
    with pytest.raises(InputError, match="expected Parquet with columns user, item and sizes"):
        Interactions.read(file)
    pairs = pa.table({"user": [1, 1], "item": [1, 1]})
    pq.write_table(pairs.replace_schema_metadata({"n_users": "2", "n_items": "2"}), file)
    with pytest.raises(InputError, match="pair is repeated"):
        Interactions.read(file)
