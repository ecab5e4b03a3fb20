"""The split on known answers and on any data: nothing is lost, doubled or left to the order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.kcore import in_k_core
from llm4idrec.data.split import Split, split_raw
from llm4idrec.errors import InputError
from tests.llm4idrec.data.tables import Triple, data, given_test, grid, pairs, parts, raw


@st.composite
def long_histories(draw: st.DrawFn, shortest: int = 3) -> list[Triple]:
    """Users of at least `shortest` different items, perhaps with repeats, in any order."""
    triples = []
    for user in range(draw(st.integers(1, 6))):
        items = draw(st.lists(st.integers(0, 9), min_size=shortest, max_size=10, unique=True))
        items += draw(st.lists(st.sampled_from(items), max_size=2))
        times = draw(st.lists(st.integers(0, 20), min_size=len(items), max_size=len(items)))
        triples += [(f"u{user}", f"i{i}", t) for i, t in zip(items, times, strict=True)]
    return draw(st.permutations(triples))


PROTOCOLS = st.builds(
    SplitConfig,
    protocol=st.sampled_from(["auto", "random", "user_time", "leave_last_out", "global_time"]),
    min_test_users=st.just(1),
    valid=st.sampled_from([0.1, 0.3]),
    test=st.sampled_from([0.2, 0.6]),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(triples=long_histories(), config=PROTOCOLS, seed=st.integers(0, 99))
def test_nothing_is_lost_or_doubled(triples: list[Triple], config: SplitConfig, seed: int) -> None:
    try:
        split = split_raw(raw(triples), None, data=data(), split=config, seed=seed)
    except InputError:
        assume(config.protocol != "global_time")  # times may leave a part empty
        raise
    by_part = parts(split)
    numbers = split.summary
    every = by_part["train"] | by_part["valid"] | by_part["test"]
    assert len(every) == sum(map(len, by_part.values()))
    dropped = sum(numbers[f"{name}_pairs_of_users_without_train"] for name in ("valid", "test"))
    assert len(every) + dropped == len({(user, item) for user, item, _ in triples})
    assert every <= {(user, item) for user, item, _ in triples}
    assert numbers["duplicates_dropped"] == len(triples) - len(every) - dropped
    if split.protocol != "global_time":
        assert dropped == 0


@settings(max_examples=100)
@given(triples=long_histories(), config=PROTOCOLS, seed=st.integers(0, 99))
def test_numbering(triples: list[Triple], config: SplitConfig, seed: int) -> None:
    try:
        split = split_raw(raw(triples), None, data=data(), split=config, seed=seed)
    except InputError:
        assume(config.protocol != "global_time")
        raise
    users, items = (table["id"].to_pylist() for table in (split.users, split.items))
    train, valid, test = split.train, split.valid, split.test
    assert len(set(users)) == len(users) == train.n_users == valid.n_users == test.n_users
    assert len(set(items)) == len(items) == valid.n_items == test.n_items
    assert set(train.user) == set(range(train.n_users))
    assert set(train.item) == set(range(train.n_items))
    heldout = set(valid.item) | set(test.item)
    assert heldout >= set(range(train.n_items, len(items)))
    assert split.summary["test_pairs_outside_catalogue"] == (test.item >= train.n_items).sum()


@settings(max_examples=60)
@given(triples=long_histories(), config=PROTOCOLS, seed=st.integers(0, 99), mix=st.randoms())
def test_order_of_lines_does_not_matter(
    triples: list[Triple], config: SplitConfig, seed: int, mix: Any
) -> None:
    triples = [(user, item, 100 * time + n) for n, (user, item, time) in enumerate(triples)]
    mixed = list(triples)
    mix.shuffle(mixed)
    results: list[Split | None] = []
    for version in (triples, mixed):
        try:
            results.append(split_raw(raw(version), None, data=data(), split=config, seed=seed))
        except InputError:
            results.append(None)
    assert results[0] == results[1]


def test_seed_decides() -> None:
    table, config = raw(grid(20, 9)), SplitConfig(protocol="random")
    first, again, other = (
        split_raw(table, None, data=data(sample_users=0.5), split=config, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.users != other.users
    assert parts(first)["test"] != parts(other)["test"]


def test_numbers_say_nothing_about_order() -> None:
    split = split_raw(
        raw(grid(200, 30)), None, data=data(), split=SplitConfig(protocol="random"), seed=3
    )
    first_appearance = [int(user[1:]) for user in split.users["id"].to_pylist()]
    assert abs(np.corrcoef(first_appearance, range(200))[0, 1]) < 0.25


@settings(max_examples=100)
@given(triples=long_histories(), seed=st.integers(0, 9))
def test_leave_last_out_holds_the_latest_out(triples: list[Triple], seed: int) -> None:
    split = split_raw(
        raw(triples), None, data=data(), split=SplitConfig(protocol="leave_last_out"), seed=seed
    )
    first: dict[tuple[str, str], tuple[int, int]] = {}
    for line, (user, item, time) in enumerate(triples):
        first[user, item] = min(first.get((user, item), (time, line)), (time, line))
    by_part = parts(split)
    for user in {user for user, _ in first}:
        *_, before, last = sorted((at, pair) for pair, at in first.items() if pair[0] == user)
        assert {pair for pair in by_part["test"] if pair[0] == user} == {last[1]}
        assert {pair for pair in by_part["valid"] if pair[0] == user} == {before[1]}


@pytest.mark.parametrize(
    ("history", "valid", "test"), [(3, 1, 1), (4, 1, 1), (8, 1, 2), (10, 1, 2), (25, 3, 5)]
)
def test_random_shares(history: int, valid: int, test: int) -> None:
    split = split_raw(
        raw(grid(7, history)), None, data=data(), split=SplitConfig(protocol="random"), seed=1
    )
    assert split.valid.history_lengths.tolist() == [valid] * 7
    assert split.test.history_lengths.tolist() == [test] * 7
    assert split.train.history_lengths.tolist() == [history - valid - test] * 7


def test_random_leaves_train_an_item_at_any_share() -> None:
    config = SplitConfig(protocol="random", valid=0.45, test=0.5)
    split = split_raw(raw(grid(5, 3)), None, data=data(), split=config, seed=1)
    assert [len(part) for part in (split.train, split.valid, split.test)] == [5, 5, 5]


def test_random_draws_evenly_over_the_items() -> None:
    split = split_raw(
        raw(grid(600, 10)), None, data=data(), split=SplitConfig(protocol="random"), seed=1
    )
    counts = Counter(item for _, item in pairs(split.test, split))
    assert set(counts) == {f"i{i}" for i in range(10)}
    assert max(abs(count - 120) for count in counts.values()) < 6 * np.sqrt(600 * 0.2 * 0.8)


def test_global_time_cuts_at_two_moments() -> None:
    triples = [("a", "x", 1), ("b", "x", 2), ("a", "y", 3), ("b", "y", 4), ("a", "z", 5)]
    triples += [("a", "v", 6), ("b", "v", 7), ("late", "x", 8), ("b", "z", 9), ("a", "w", 9)]
    config = SplitConfig(protocol="global_time", valid=0.2, test=0.3, min_test_users=1)
    split = split_raw(raw(triples), None, data=data(), split=config, seed=1)
    assert parts(split) == {
        "train": {("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("a", "z")},
        "valid": {("a", "v"), ("b", "v")},
        "test": {("b", "z"), ("a", "w")},
    }
    assert split.summary["users_without_train"] == 1
    assert split.summary["test_pairs_of_users_without_train"] == 1
    assert split.summary["valid_pairs_outside_catalogue"] == 2
    assert split.summary["test_pairs_outside_catalogue"] == 1
    assert split.summary["test_users_in_catalogue"] == 1
    assert split.train.n_items == 3
    assert split.test.n_items == 5


def test_global_time_does_not_part_equal_times() -> None:
    triples = [(f"u{n % 3}", f"i{n % 10}", n // 10) for n in range(30)]
    config = SplitConfig(protocol="global_time", valid=0.1, test=0.3, min_test_users=1)
    with pytest.raises(InputError, match="no interaction is left for the valid part"):
        split_raw(
            raw(triples), None, data=data(), split=config.model_copy(update={"valid": 0.01}), seed=1
        )
    split = split_raw(raw(triples), None, data=data(), split=config, seed=1)
    parts = (split.train, split.valid, split.test)
    times = [set(part.table()["timestamp"].to_pylist()) for part in parts]
    assert times == [{0}, {1}, {2}]


def test_given_test_set_is_kept_and_cleaned() -> None:
    train = raw([(u, i, 0) for u in "ab" for i in "vwxyz"] + [("c", "v", 0)], time=False)
    test = [("a", "new", 0), ("a", "new", 0), ("b", "x", 0), ("d", "x", 0), ("b", "q", 0)]
    config = SplitConfig(protocol="random", valid=0.2)
    split = split_raw(
        train, raw(test, time=False), data=given_test(timestamp=None), split=config, seed=1
    )
    assert parts(split)["test"] == {("a", "new"), ("b", "q")}
    assert len(split.valid) == 2
    assert len(split.train) == 9
    assert split.summary["test_pairs_read"] == 5
    assert split.summary["test_duplicates_dropped"] == 1
    assert split.summary["test_pairs_of_unknown_users"] == 1
    assert split.summary["test_pairs_in_train"] == 1
    assert split.summary["test_pairs_outside_catalogue"] == 2
    assert "c" in split.users["id"].to_pylist()  # a history of one stays in train


def test_given_test_set_leaves_the_last_train_item_to_validation() -> None:
    train, test = raw(grid(3, 4)), raw([("u0", "i9", 0), ("u2", "i8", 0), ("u1", "i0", 0)])
    config = SplitConfig(protocol="leave_last_out")
    split = split_raw(train, test, data=given_test(), split=config, seed=1)
    assert parts(split)["valid"] == {(f"u{u}", "i3") for u in range(3)}
    assert parts(split)["test"] == {("u0", "i9"), ("u2", "i8")}


def test_sequences_keep_their_order() -> None:
    table = raw([("u", item, place) for place, item in enumerate("edcba")])
    config = SplitConfig(protocol="leave_last_out")
    split = split_raw(table, None, data=data("selfrec_sequential"), split=config, seed=5)
    assert pairs(split.train, split) == [("u", "e"), ("u", "d"), ("u", "c")]


def test_drop_keeps_the_earliest_by_time_not_by_line() -> None:
    triples = [("u", "x", 9), ("u", "y", 2), ("u", "z", 3), ("u", "x", 1), ("u", "w", 4)]
    config = SplitConfig(protocol="leave_last_out")
    split = split_raw(raw(triples), None, data=data(), split=config, seed=1)
    assert parts(split)["train"] == {("u", "x"), ("u", "y")}
    assert parts(split)["test"] == {("u", "w")}


def test_sampling_keeps_whole_users() -> None:
    config = SplitConfig(protocol="random")
    split = split_raw(raw(grid(40, 5)), None, data=data(sample_users=0.25), split=config, seed=1)
    assert split.summary["users_sampled"] == split.train.n_users == 10
    assert sum(map(len, parts(split).values())) == 50


@dataclass(frozen=True)
class Case:
    triples: list[Triple]
    config: SplitConfig
    data: DataConfig
    message: str
    time: bool = True
    test: list[Triple] | None = None


RANDOM = SplitConfig(protocol="random")
SHARE = SplitConfig(protocol="user_time")
LAST = SplitConfig(protocol="leave_last_out")
TIME = SplitConfig(protocol="global_time")
TWICE = [("u", "x", 1), ("u", "y", 2), ("v", "x", 3), ("u", "y", 4), ("u", "x", 5)]
CASES = {
    "one interaction": Case(
        [*grid(2, 3), ("z", "i0", 0)],
        RANDOM,
        data(),
        "interactions.csv, line 8: user 'z' has 1 interaction; expected at least 3 (one each for "
        "train, validation and test); set data.drop_short_histories to true, or data.k_core to 3",
    ),
    "a short history": Case(
        [*grid(2, 4), ("z", "i0", 0)],
        RANDOM,
        data(min_history=2, k_core=2),
        "interactions.csv, line 10: user 'z' has 1 interaction; expected at least 2 "
        "(data.min_history); set data.drop_short_histories to true to leave such users out, or",
    ),
    "only short histories": Case(
        grid(4, 4),
        RANDOM,
        data(min_history=5, drop_short_histories=True),
        "interactions.csv: no user has 5 interactions; expected some, as data.min_history says; "
        "lower data.min_history",
    ),
    "only histories too short to be split": Case(
        grid(4, 2),
        RANDOM,
        data(min_history=3, drop_short_histories=True),
        "interactions.csv: no user has 3 interactions; expected one each for train, validation and "
        "test, whatever data.min_history says; take longer histories, or set split.protocol to ",
    ),
    "two interactions": Case(
        [("z", "i0", 0), *grid(2, 3), ("z", "i1", 0)],
        LAST,
        data(),
        "interactions.csv, line 2: user 'z' has 2 interactions; expected at least 3 (one each",
    ),
    "two interactions of the latest": Case(
        [("z", "i0", 0), *grid(2, 3), ("z", "i1", 0)],
        SHARE,
        data(),
        "interactions.csv, line 2: user 'z' has 2 interactions; expected at least 3 (one each",
    ),
    "k-core of train": Case(
        grid(4, 6),
        LAST,
        data(k_core=5),
        "interactions.csv: no interaction is left in the 5-core; expected some; lower data.k_core",
    ),
    "repeats": Case(
        TWICE,
        RANDOM,
        data(duplicates="refuse"),
        "interactions.csv, line 5: user 'u' has item 'y' twice, first on line 3; expected each "
        "pair once (data.duplicates is refuse); remove it, or set data.duplicates to drop",
    ),
    "repeats in the test set": Case(
        grid(3, 4),
        RANDOM,
        given_test(duplicates="refuse"),
        "set/test, line 3: user 'u1' has item 'i9' twice, first on line 2; expected each pair",
        test=[("u1", "i9", 1), ("u1", "i9", 2)],
    ),
    "k-core": Case(
        grid(3, 4),
        RANDOM,
        data(k_core=5),
        "interactions.csv: no interaction is left in the 5-core; expected some; lower data.k_core",
    ),
    "no time, last": Case(
        grid(3, 4),
        LAST,
        data(timestamp=None),
        "interactions.csv: split.protocol is leave_last_out, but there is no time; expected the",
        time=False,
    ),
    "no time, global": Case(
        grid(3, 4),
        TIME,
        data(timestamp=None),
        "interactions.csv: split.protocol is global_time, but there is no time; expected the",
        time=False,
    ),
    "positions are no time": Case(
        grid(3, 4),
        TIME,
        data("llm_recsys_sequential"),
        "interactions.csv: split.protocol is global_time, but llm_recsys_sequential gives only",
    ),
    "shares": Case(
        grid(3, 4),
        SplitConfig(protocol="random", valid=0.5, test=0.5),
        data(),
        "split.valid + split.test is 1; expected less than 1; leave a share for train",
    ),
    "test of other users": Case(
        grid(3, 4),
        RANDOM,
        given_test(),
        "set/test: none of its 2 users is in set/train: it has 'x', 'y', and that 'u0', 'u1', "
        "'u2'; expected the train set's users; see that both files mean the same users and items",
        test=[("x", "i1", 1), ("y", "i2", 1)],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input(case: Case) -> None:
    test = None if case.test is None else raw(case.test)
    with pytest.raises(InputError) as caught:
        split_raw(
            raw(case.triples, time=case.time), test, data=case.data, split=case.config, seed=1
        )
    assert str(caught.value).startswith(case.message)


@settings(max_examples=150)
@given(
    pairs=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1),
    k=st.integers(0, 5),
)
def test_k_core_is_the_largest_fixpoint(pairs: set[tuple[int, int]], k: int) -> None:
    user, item = np.array(sorted(pairs)).T
    kept = in_k_core(user, item, k, history=0)
    if kept.any():
        for column in (user[kept], item[kept]):
            assert np.unique(column, return_counts=True)[1].min() >= k
    left = set(pairs)  # dropping one node at a time leads to the same pairs
    while True:
        counts = [Counter(pair[side] for pair in left) for side in (0, 1)]
        weak = next(((s, n) for s in (0, 1) for n, c in counts[s].items() if c < k), None)
        if weak is None:
            break
        left = {pair for pair in left if pair[weak[0]] != weak[1]}
    assert set(zip(user[kept].tolist(), item[kept].tolist(), strict=True)) == left


def test_k_core_counts_what_it_removed() -> None:
    triples = [*grid(4, 4), ("loner", "i0", 1), ("loner", "rare", 2), ("u0", "rare", 3)]
    split = split_raw(raw(triples), None, data=data(k_core=3), split=RANDOM, seed=1)
    assert split.summary["users_removed_by_k_core"] == 1
    assert split.summary["items_removed_by_k_core"] == 1
    assert split.summary["pairs_removed_by_k_core"] == 3
    assert sum(map(len, parts(split).values())) == 16


def test_summary_holds_plain_numbers() -> None:
    test = [("u0", "i9", 0), ("u1", "i1", 0)]
    split = split_raw(raw(grid(4, 5)), raw(test), data=given_test(), split=RANDOM, seed=1)
    assert {type(number) for number in split.summary.values()} == {int, float}
