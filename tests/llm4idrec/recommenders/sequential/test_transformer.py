"""What the transformer may look at, and that packing changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from llm4idrec.config.recommenders import SequentialConfig
from llm4idrec.recommenders.sequential.sequences import Sequences, pack
from llm4idrec.recommenders.sequential.transformer import Dropout, Transformer

CPU = torch.device("cpu")
ITEMS, LENGTH = 30, 8
SETTINGS = SequentialConfig(embedding_size=16, heads=2, max_length=LENGTH)


def model(gaussian: bool = False) -> Transformer:
    made = Transformer.empty(SETTINGS, ITEMS, gaussian=gaussian, device=CPU)
    made.initialise(3)
    with torch.no_grad():
        made.items.mul_(20)  # far from zero, so that every look shows
    return made


def encode(made: Transformer, values: list[list[int]], causal: bool, width: int = LENGTH) -> Tensor:
    """Vectors of all items, in the order of the lists."""
    items = np.array([item for line in values for item in line], np.int64)
    sequences = Sequences(items, np.array([len(line) for line in values]))
    batch = next(pack(sequences, len(values), width=width, empty=ITEMS, device=CPU))
    (vectors,) = made.look_up(batch.items)
    encoded: Tensor = made(batch, vectors, causal=causal).flatten(0, 1)[batch.slots]
    return encoded.detach()


def test_causal_does_not_see_the_future() -> None:
    one = encode(model(), [[1, 2, 3, 4, 5]], causal=True)
    two = encode(model(), [[1, 2, 3, 9, 5]], causal=True)
    assert torch.equal(one[:3], two[:3])
    assert not torch.isclose(one[3:], two[3:]).all(-1).any()


def test_bidirectional_sees_it() -> None:
    one = encode(model(), [[1, 2, 3, 4, 5]], causal=False)
    two = encode(model(), [[1, 2, 3, 9, 5]], causal=False)
    assert not torch.isclose(one, two).all(-1).any()


@pytest.mark.parametrize("causal", [True, False])
def test_packed_or_padded_is_the_same(causal: bool) -> None:
    """One batch of packed rows, against each sequence in a row of its own."""
    rng = np.random.default_rng(0)
    values = [rng.integers(0, ITEMS, n).tolist() for n in (3, 8, 1, 2, 2, 5, 7, 1)]
    packed = encode(model(), values, causal)
    alone = torch.cat([encode(model(), [line], causal, width=20) for line in values])
    torch.testing.assert_close(packed, alone)


def test_packed_or_padded_has_the_same_loss() -> None:
    values = [[1, 2, 3], [4, 5], [6, 7, 8, 9, 10], [11]]
    losses = []
    for parts in ([values], [[line] for line in values]):
        made = model()
        vectors = torch.cat([encode(made, part, causal=True) for part in parts])
        targets = torch.arange(len(vectors)) + 2
        losses.append(torch.nn.functional.cross_entropy(vectors @ made.items.T, targets))
    torch.testing.assert_close(*losses)


def test_look_up_is_that_of_each() -> None:
    made = model()
    numbers = torch.tensor([[1, 2, 2], [5, ITEMS, 0]]), torch.tensor([3]), torch.tensor([2, 5])
    parts = made.look_up(*numbers)
    for part, number in zip(parts, numbers, strict=True):
        assert torch.equal(part, made.items[number])
    sum((part * (n + 1)).sum() for n, part in enumerate(parts)).backward()  # type: ignore[union-attr]
    expected = torch.zeros(ITEMS + 1)
    for n, number in enumerate(numbers):
        expected.index_add_(0, number.flatten(), torch.full((number.numel(),), n + 1.0))
    assert made.items.grad is not None
    assert torch.equal(made.items.grad, expected[:, None].expand(-1, 16))


def test_order_matters() -> None:
    one, two = (encode(model(), [line], causal=True)[-1] for line in ([1, 2, 3], [2, 1, 3]))
    assert not torch.isclose(one, two).all()


def test_weights_are_those_of_the_seed_whatever_was_drawn_before() -> None:
    torch.manual_seed(1)
    one = model().state_dict()
    after = torch.rand(1)
    two = model().state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_keeps_the_mean(rate: float) -> None:
    values = torch.ones(333, 301, requires_grad=True)
    dropped = Dropout(rate, 0, CPU)(values)
    assert torch.unique(dropped).tolist() == pytest.approx([0, 1 / (1 - rate)], rel=1e-4)
    assert float((dropped == 0).float().mean()) == pytest.approx(rate, abs=0.01)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    assert torch.equal(gradient, dropped.detach())


def test_dropout_draws_anew_and_repeats_by_seed() -> None:
    values = torch.ones(50, 50)
    one, two = Dropout(0.5, 4, CPU), Dropout(0.5, 4, CPU)
    first = one(values)
    assert torch.equal(first, two(values))
    assert not torch.equal(first, one(values))
    assert Dropout(0.0, 4, CPU)(values) is values
