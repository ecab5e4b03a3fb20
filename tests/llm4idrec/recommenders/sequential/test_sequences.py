"""Lists of different lengths, and how they share rows."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.sequential.sequences import Batch, Sequences, pack

CPU = torch.device("cpu")
EMPTY = 99
lists = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=20)


def sequences(values: list[list[int]]) -> Sequences:
    items = np.array([item for line in values for item in line], np.int64)
    return Sequences(items, np.array([len(line) for line in values], np.int64))


def as_lists(found: Sequences) -> list[list[int]]:
    return [
        found.items[start : start + length].tolist()
        for start, length in zip(found.starts, found.lengths, strict=True)
    ]


def test_latest_in_time_order() -> None:
    user, item = [0, 0, 0, 2, 2, 0], [4, 1, 3, 0, 2, 6]
    history = Interactions(np.array(user), np.array(item), 3, 7, np.array([30, 10, 40, 8, 9, 50]))
    users = np.array([2, 1, 0], np.int32)
    assert as_lists(Sequences.latest(history, users, n_items=6, max_length=2)) == [
        [0, 2],
        [],
        [4, 3],
    ]
    assert as_lists(Sequences.latest(history, users, n_items=7, max_length=9)) == [
        [0, 2],
        [],
        [1, 4, 3, 6],
    ]


@settings(max_examples=60)
@given(lists, st.integers(0, 4))
def test_the_same_as_with_lists(values: list[list[int]], length: int) -> None:
    whole = sequences(values)
    order = np.random.default_rng(0).permutation(len(values))
    assert as_lists(whole) == values
    assert as_lists(whole.take(order)) == [values[i] for i in order]
    assert as_lists(whole.ending(length)) == [line[max(len(line) - length, 0) :] for line in values]
    assert as_lists(whole.append(7)) == [[*line, 7] for line in values]
    assert whole.owner.tolist() == [i for i, line in enumerate(values) for _ in line]
    assert whole.place.tolist() == [i for line in values for i in range(len(line))]


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.integers(0, 9), max_size=30), max_size=6),
    st.integers(2, 9),
    st.integers(0, 1),
    st.integers(0, 99),
)
def test_pieces_are_the_lists_again(
    values: list[list[int]], length: int, overlap: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    pieces, owner = sequences(values).pieces(length, draw, overlap=overlap)
    cut = as_lists(pieces)
    for i, line in enumerate(values):
        its = [piece for piece, of in zip(cut, owner, strict=True) if of == i]
        rejoined = [item for n, piece in enumerate(its) for item in piece[overlap if n else 0 :]]
        assert rejoined == (line if len(line) > overlap else [])
        assert all(overlap < len(piece) <= length for piece in its)
        assert all(len(piece) == length for piece in its[1:-1])
        assert len(its) <= 1 or len(line) > length


def test_pieces_are_cut_elsewhere_each_time() -> None:
    whole, draw = sequences([list(range(60))]), np.random.default_rng(1)
    cuts = [tuple(whole.pieces(11, draw, overlap=1)[0].lengths) for _ in range(40)]
    assert len(set(cuts)) > 5


@settings(max_examples=60)
@given(lists, st.integers(1, 5), st.integers(6, 9))
def test_packing_loses_and_mixes_nothing(
    values: list[list[int]], batch_size: int, width: int
) -> None:
    whole = sequences(values)
    batches = list(pack(whole, batch_size, width=width, empty=EMPTY, device=CPU))

    assert len(batches) == -(-len(values) // batch_size)
    for number, batch in enumerate(batches):
        own = range(number * batch_size, min((number + 1) * batch_size, len(values)))
        check_batch(batch, [values[i] for i in own], list(own), width)
        assert whole.items[batch.span].tolist() == [item for i in own for item in values[i]]


def check_batch(batch: Batch, values: list[list[int]], numbers: list[int], width: int) -> None:
    items, places, owner = (column.view(-1) for column in batch[:3])
    assert batch.items.shape[1] == width
    slots = iter(batch.slots.tolist())
    for number, line in zip(numbers, values, strict=True):
        own = [next(slots) for _ in line]
        assert items[own].tolist() == line
        assert places[own].tolist() == list(range(len(line)))[::-1]
        assert owner[own].tolist() == [number] * len(line)
        assert own == list(range(own[0], own[0] + len(own))) if own else True
        assert len({slot // width for slot in own}) <= 1
    assert len(set(batch.slots.tolist())) == len(batch.slots)
    empty = torch.ones(items.shape, dtype=torch.bool).index_fill(0, batch.slots, False)
    assert (items[empty] == EMPTY).all()
    assert (owner[empty] == -1).all()
    assert batch.last.tolist() == [
        slot
        for slot, place in zip(batch.slots.tolist(), places[batch.slots].tolist(), strict=True)
        if place == 0
    ]


def test_rows_are_well_filled() -> None:
    lengths = np.random.default_rng(0).geometric(0.15, 2560).clip(1, 50)
    whole = Sequences(np.zeros(lengths.sum(), np.int64), lengths)
    slots = sum(
        batch.items.numel() for batch in pack(whole, 256, width=50, empty=EMPTY, device=CPU)
    )
    assert len(whole.items) > 0.95 * slots


def test_a_long_sequence_takes_a_row_of_its_own() -> None:
    batch = next(
        pack(sequences([[1, 2], [3, 4, 5, 6], [7], [8]]), 9, width=4, empty=EMPTY, device=CPU)
    )
    assert batch.items.tolist() == [[3, 4, 5, 6], [1, 2, 7, 8]]
    assert batch.places.tolist() == [[3, 2, 1, 0], [1, 0, 0, 0]]
    assert batch.owner.tolist() == [[1, 1, 1, 1], [0, 0, 2, 3]]
    assert batch.slots.tolist() == [4, 5, 0, 1, 2, 3, 6, 7]


def test_attention_stays_within_a_sequence() -> None:
    batch = next(pack(sequences([[1, 2], [3]]), 9, width=4, empty=EMPTY, device=CPU))
    looks = (batch.attention(causal=False)[0, 0] == 0).int().tolist()
    assert looks == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    looks = (batch.attention(causal=True)[0, 0] == 0).int().tolist()
    assert looks == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_join_puts_the_rows_of_both_together() -> None:
    one = next(pack(sequences([[1, 2], [3]]), 9, width=4, empty=EMPTY, device=CPU))
    two = next(pack(sequences([[4], [5, 6, 7]]), 9, width=4, empty=EMPTY, device=CPU))
    joined = one.join(two)
    assert joined.items.view(-1)[joined.slots].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert joined.items.view(-1)[joined.last].tolist() == [2, 3, 4, 7]
    assert joined.attention(causal=True).shape == (2, 1, 4, 4)
