"""What is known when a window begins, and what it brings to whom."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import DataConfig
from llm4idrec.data.protocol import GLOBAL_TIME
from llm4idrec.data.whole import write_whole
from llm4idrec.errors import InputError
from llm4idrec.replay.known import brought, own_ids, read_known, sampled

DATA = DataConfig(path=Path("x.csv"), format="csv", user="u", item="i", timestamp="t", k_core=1)


def rows(*given: tuple[str, str, int]) -> pa.Table:
    users, items, times = zip(*given, strict=True) if given else ((), (), ())
    return pa.table(
        {
            "user": pa.array(users, pa.string()),
            "item": pa.array(items, pa.string()),
            "timestamp": pa.array(times, pa.int64()),
            "line": pa.array(range(1, len(given) + 1), pa.int64()),
        }
    )


KNOWN = [(user, item, n) for user in "abc" for n, item in enumerate("wxyz"[: 3 + (user == "a")])]


def test_known_and_own_ids(tmp_path: Path) -> None:
    write_whole(rows(*KNOWN, ("d", "w", 9)), DATA, tmp_path, seed=1, protocol=GLOBAL_TIME)
    known, users, items = (
        read_known(tmp_path),
        own_ids(tmp_path, "users"),
        own_ids(tmp_path, "items"),
    )
    pairs = {
        (users[u].as_py(), items[i].as_py())
        for u, i in zip(known.user.tolist(), known.item.tolist(), strict=True)
    }
    assert pairs == {(user, item) for user, item, _ in KNOWN}  # d has too few, and stops nobody
    assert [items[i].as_py() for i in known.items_of(users.to_pylist().index("b"))] == list("wxy")


def test_what_a_window_brings(tmp_path: Path) -> None:
    """Nothing that a user has, nobody who is new, each pair once; a new item counts as a miss."""
    write_whole(rows(*KNOWN), DATA, tmp_path, seed=1, protocol=GLOBAL_TIME)
    window = rows(
        ("a", "w", 10), ("b", "z", 10), ("b", "z", 11), ("b", "new", 10), ("new", "w", 10)
    )
    found, users, items = (
        brought(window, tmp_path),
        own_ids(tmp_path, "users").to_pylist(),
        own_ids(tmp_path, "items").to_pylist(),
    )
    assert len(found) == 2
    assert set(found.items_of(users.index("b")).tolist()) == {items.index("z"), len(items)}


def test_an_empty_window_brings_nothing(tmp_path: Path) -> None:
    write_whole(rows(*KNOWN), DATA, tmp_path, seed=1, protocol=GLOBAL_TIME)
    assert len(brought(rows(), tmp_path)) == 0


def test_nothing_known(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_whole(rows(("a", "w", 1)), DATA, tmp_path, seed=1, protocol=GLOBAL_TIME)
    assert not any(tmp_path.iterdir())


@given(st.sets(st.integers(0, 10**6), min_size=2, max_size=60), st.data())
def test_who_is_sampled_does_not_depend_on_others(users: set[int], data: st.DataObject) -> None:
    share = data.draw(st.sampled_from([0.3, 0.7, 1.0]))
    few = set(data.draw(st.lists(st.sampled_from(sorted(users)), min_size=1)))

    def kept(of: set[int]) -> set[str]:
        table = rows(*((str(user), "w", 1) for user in sorted(of)))
        return set(sampled(table, share, 5)["user"].to_pylist())

    assert kept(few) == kept(users) & set(map(str, few))


def test_a_share_is_sampled() -> None:
    table = rows(*((str(user), "w", 1) for user in range(2000)))
    assert 0.25 < len(sampled(table, 0.3, 5)) / 2000 < 0.35
