from decimal import ROUND_HALF_UP, Decimal
from math import log

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.augmentation.agreement import Agreement
from llm4idrec.augmentation.filtering import (
    ACCEPTED,
    CandidateFilter,
    filter_candidates,
)
from llm4idrec.config import FilterConfig
from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.item_based.ease import EASE
from tests.llm4idrec.arrays import interactions

N_USERS, N_ITEMS = 4, 12
TRAIN = interactions([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 4, 5], (N_USERS, N_ITEMS))
EASE_SETTINGS = EASEConfig(l2=1)
Row = tuple[int, str, int | None, int | None, int | None, float | None, int]


def generations(*rows: Row) -> pa.Table:
    names = SCHEMA.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], SCHEMA)


def proposals(user: int, *items: int) -> pa.Table:
    """As a control proposes them, best first."""
    return generations(
        *((user, f"i{item}", item, None, None, None, n + 1) for n, item in enumerate(items))
    )


def plain(**values: object) -> FilterConfig:
    """Candidates in the generator's order, and in no other."""
    default = {"min_votes": 1, "popularity_exponents": [0]}
    return FilterConfig.model_validate(default | values)


def test_every_reason_by_hand() -> None:
    table = generations(
        (0, "i7", 7, 4, 4, -1.0, 1),
        (0, "Please", None, 3, 5, -1.0, 2),  # does not parse, said twice by two answers
        (0, "i99", 99, 3, 3, -1.0, 3),  # not in the catalogue
        (0, "i2", 2, 3, 3, -1.0, 4),  # seen
        (0, "i8", 8, 2, 2, -9.0, 5),  # improbable
        (0, "i9", 9, 2, 2, -1.0, 6),
        (0, "i10", 10, 2, 2, -1.0, 7),  # over the amount: 0.5 * 4 = 2
        (0, "i11", 11, 1, 1, -1.0, 8),  # one vote
        (1, "i0", 0, 2, 2, -1.0, 1),
    )
    accepted, summary = filter_candidates(
        table, TRAIN, plain(min_votes=2, min_log_probability=-5, max_ratio=0.5)
    )
    assert accepted.schema == ACCEPTED
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


def test_candidates_without_votes_and_probability_pass_those_filters() -> None:
    config = plain(min_votes=5, min_log_probability=-1, max_ratio=9)
    accepted, summary = filter_candidates(proposals(0, 7, 2, 8), TRAIN, config)
    assert accepted["item"].to_pylist() == [7, 8]
    assert (summary["few_votes"], summary["low_log_probability"]) == (0, 0)


candidates = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(st.none(), st.integers(0, 20)),
        st.one_of(st.none(), st.integers(1, 8)),
        st.floats(-20, 0, width=32),
    ),
    max_size=40,
    unique_by=lambda row: row[:2],
)


@given(
    candidates,
    st.integers(1, 8),
    st.one_of(st.none(), st.floats(-20, 0)),
    st.decimals("0.01", 2, places=2),
)
def test_nothing_unfit_is_accepted_and_every_candidate_is_counted(
    rows: list[tuple[int, int | None, int | None, float]],
    votes: int,
    log_p: float | None,
    ratio: Decimal,
) -> None:
    table = generations(
        *((u, f"i{i}", i, v, v, p, n) for n, (u, i, v, p) in enumerate(sorted(rows, key=str)))
    )
    config = plain(min_votes=votes, min_log_probability=log_p, max_ratio=float(ratio))
    accepted, summary = filter_candidates(table, TRAIN, config)
    assert accepted["item"].null_count == 0
    assert all(item < N_ITEMS for item in accepted["item"].to_pylist())
    assert not TRAIN.contains(accepted["user"], accepted["item"]).any()
    assert all(v is None or v >= votes for v in accepted["votes"].to_pylist())
    counts = np.bincount(accepted["user"].to_numpy(), minlength=N_USERS)
    assert all(
        count <= rounded(ratio * int(length))
        for count, length in zip(counts, TRAIN.history_lengths, strict=True)
    )
    reasons = ("not_an_item", "not_in_catalogue", "already_seen", "few_votes")
    dropped = sum(summary[name] for name in (*reasons, "low_log_probability", "over_amount"))
    assert summary["candidates"] == len(rows) == dropped + summary["accepted"]


def rounded(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_HALF_UP))


@given(st.integers(1, 400), st.decimals("0.01", "1", places=2))
def test_as_many_as_the_ratio_says_rounded_half_up(length: int, ratio: Decimal) -> None:
    train = interactions(np.zeros(length), np.arange(length), (1, 2 * length))
    table = proposals(0, *range(length, 2 * length))
    accepted, _ = filter_candidates(table, train, plain(max_ratio=float(ratio)))
    assert len(accepted) == rounded(ratio * length)


def test_the_smaller_of_ratio_and_count_caps() -> None:
    table = proposals(0, *range(4, 12))
    for ratio, max_items, expected in ((1.0, None, 4), (1.0, 3, 3), (0.5, 3, 2)):
        config = plain(max_ratio=ratio, max_items=max_items)
        accepted, _ = filter_candidates(table, TRAIN, config)
        assert len(accepted) == expected


# Users 0 and 1 have items 0 and 1; item 2 goes with item 0, 3 with 1 twice, 4 with neither.
TASTES = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 2), (3, 1), (3, 3), (4, 1), (4, 3), (5, 4)]
KNOWN = interactions([user for user, _ in TASTES], [item for _, item in TASTES], (6, 6))


def test_the_item_item_model_says_its_part_of_the_order() -> None:
    table = proposals(0, 5, 4, 2, 3)
    ranked = EASE(EASEConfig(l2=1))
    ranked.learn(KNOWN)
    order = ranked.recommend(np.array([0], np.int32), 4, KNOWN)[0].tolist()
    assert order[:2] == [3, 2]
    accepting = CandidateFilter(KNOWN, plain(max_ratio=9), EASE_SETTINGS)
    accepted, counts = accepting.accept(table, agreement=8)
    assert accepted["item"].to_pylist() == order
    alone, same = accepting.accept(table, agreement=0)
    assert alone["item"].to_pylist() == [5, 4, 2, 3]
    assert counts == same


def test_popular_items_are_put_back() -> None:
    train = interactions([0, 1, 2, 3], [0, 1, 1, 2], (4, 4))
    table = proposals(0, 1, 2, 3)
    accepted, summary = filter_candidates(
        table, train, plain(popularity_exponents=[1, 0], max_ratio=2)
    )
    columns = ["user", "popularity_exponent", "rank", "item"]
    assert [tuple(row.values()) for row in accepted.select(columns).to_pylist()] == [
        # 1/10/3 for item 1, 1/11/2 for item 2, 1/12/1 for item 3.
        (0, 1.0, 1, 3),
        (0, 1.0, 2, 2),
        (0, 0.0, 1, 1),
        (0, 0.0, 2, 2),
    ]
    # Every pair is in one of the orders.
    assert (summary["accepted"], summary["over_amount"], summary["users_with_accepted"]) == (
        3,
        0,
        1,
    )


def test_an_order_is_the_same_beside_others() -> None:
    table = proposals(0, 5, 4, 2, 3)

    def in_orders(*exponents: float) -> pa.Table:
        config = plain(popularity_exponents=exponents, max_ratio=1)
        return CandidateFilter(KNOWN, config, EASE_SETTINGS).accept(table, agreement=1)[0]

    both, alone = in_orders(0, 2.5), [in_orders(0), in_orders(2.5)]
    assert both.equals(pa.concat_tables(alone))
    assert alone[0]["item"].to_pylist() != alone[1]["item"].to_pylist()


@settings(max_examples=40)
@given(
    st.lists(st.permutations(range(N_ITEMS)), min_size=4, max_size=4),
    st.sets(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]), min_size=1),
    st.decimals("0.1", 1, places=1),
)
def test_every_order_has_as_many_items_of_a_user(
    items: list[list[int]], exponents: set[float], ratio: Decimal
) -> None:
    table = pa.concat_tables(proposals(user, *its) for user, its in enumerate(items))
    config = plain(popularity_exponents=list(exponents), max_ratio=float(ratio))
    accepted, summary = filter_candidates(table, TRAIN, config)
    expected = [rounded(ratio * int(n)) for n in TRAIN.history_lengths]
    exponents_of_rows = accepted["popularity_exponent"].to_numpy()
    for exponent in exponents:
        rows = accepted.filter(exponents_of_rows == np.float32(exponent))
        assert np.bincount(rows["user"].to_numpy(), minlength=N_USERS).tolist() == expected
    pairs = set(zip(accepted["user"].to_pylist(), accepted["item"].to_pylist(), strict=True))
    assert summary["accepted"] == len(pairs)
    assert summary["users_with_accepted"] == np.count_nonzero(expected)


@settings(max_examples=30)
@given(
    st.permutations(range(2, 6)),
    st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_order_is_that_of_the_formula(
    items: list[int], agreement: float, exponent: float
) -> None:
    config = plain(popularity_exponents=[exponent], max_ratio=9)
    accepting = CandidateFilter(KNOWN, config, EASE_SETTINGS)
    accepted, _ = accepting.accept(proposals(0, *items), agreement=agreement)
    pairs = np.zeros(4, np.int32), np.array(items, np.int32)
    ranks = Agreement(KNOWN, EASE_SETTINGS).ranks(*pairs)
    scores = {
        item: -log(10 + generator)
        - agreement * log(10 + ranks[generator])
        - exponent * log(1 + KNOWN.item_counts[item])
        for generator, item in enumerate(items)
    }
    expected = sorted(items, key=lambda item: -scores[item])  # stable: ties by the generator
    assert accepted["item"].to_pylist() == expected
    assert accepted["rank"].to_pylist() == [1, 2, 3, 4]


def test_only_the_thousand_best_of_the_item_item_model_have_a_rank_of_their_own() -> None:
    n_items = 1010
    train = interactions([0, 1, 1], [0, 0, 7], (2, n_items))
    items = np.setdiff1d(np.arange(n_items), [0]).astype(np.int32)
    ranks = Agreement(train, EASE_SETTINGS).ranks(np.zeros(len(items), np.int32), items)
    assert ranks[items == 7] == [0]
    assert np.bincount(ranks).tolist() == [1] * 1000 + [9]


def test_ranks_are_the_same_in_chunks_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    user, item = np.arange(6, dtype=np.int32), np.full(6, 5, np.int32)
    agreement = Agreement(KNOWN, EASE_SETTINGS)
    whole = agreement.ranks(user, item)
    monkeypatch.setattr("llm4idrec.augmentation.agreement._PLACES_A_CHUNK", 2 * KNOWN.n_items)
    assert agreement.ranks(user, item).tolist() == whole.tolist()


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    def learn(self: EASE, train: Interactions) -> None:
        raise AssertionError

    monkeypatch.setattr(EASE, "learn", learn)


@pytest.mark.usefixtures("spoilt")
def test_without_a_weight_the_item_item_model_is_not_fitted() -> None:
    filter_candidates(proposals(0, 5), TRAIN, plain())
    accepting = CandidateFilter(TRAIN, plain(), EASE_SETTINGS)
    accepting.accept(proposals(0, 5), agreement=0)
    with pytest.raises(AssertionError):
        accepting.accept(proposals(0, 5), agreement=1)


def test_the_item_item_model_is_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[Interactions] = []
    learn = EASE.learn

    def counted(model: EASE, train: Interactions) -> None:
        fitted.append(train)
        learn(model, train)

    monkeypatch.setattr(EASE, "learn", counted)
    accepting = CandidateFilter(TRAIN, plain(), EASE_SETTINGS)
    for _ in range(2):
        accepting.accept(proposals(0, 5), agreement=1)
    assert fitted == [TRAIN]


@settings(max_examples=40)
@given(candidates, st.lists(st.permutations(range(N_ITEMS)), min_size=4, max_size=4))
def test_each_arm_is_accepted_as_it_is_alone(
    rows: list[tuple[int, int | None, int | None, float]], controls: list[list[int]]
) -> None:
    """However much the others propose, and whoever else EASE ranks."""
    proposed = {
        "model": generations(*((u, f"i{i}", i, 1, 1, p, n) for n, (u, i, _, p) in enumerate(rows))),
        "all": pa.concat_tables(proposals(user, *items) for user, items in enumerate(controls)),
        "few": proposals(0, controls[0][0]),
    }
    arms = {f"{name} {weight}": (name, weight) for name in proposed for weight in (0.0, 1.0)}
    config = FilterConfig(min_votes=1, popularity_exponents=(0, 1), max_ratio=0.8)
    found = CandidateFilter(TRAIN, config, EASE_SETTINGS).accept_each(proposed, arms)
    assert list(found) == list(arms)
    for arm, (name, weight) in arms.items():
        alone = CandidateFilter(TRAIN, config, EASE_SETTINGS).accept(
            proposed[name], agreement=weight
        )
        assert found[arm][0].equals(alone[0])
        assert found[arm][1] == alone[1]
