"""The losses against torch's own, and the estimate against what it estimates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.functional import cross_entropy as torch_cross_entropy

from llm4idrec.nn import sampled_softmax
from llm4idrec.nn.sampled_softmax import binary_cross_entropy, sampled_softmax_loss

N, M, SIZE = 40, 25, 8


def drawn_case(scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden (N, d), items (M, d) and targets (N,)."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(N, SIZE, generator=generator, dtype=torch.float64) * scale
    items = torch.randn(M, SIZE, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, M, (N,), generator=generator)
    return hidden.requires_grad_(), items.requires_grad_(), targets


def softmax_loss(hidden: Tensor, items: Tensor, targets: Tensor, drawn: Tensor) -> Tensor:
    """Of the items with the numbers `drawn`."""
    return sampled_softmax_loss(
        hidden, items[targets], items[drawn], targets=targets, drawn=drawn, n=len(items)
    )


def test_binary_cross_entropy() -> None:
    hidden, items, targets = drawn_case()
    others = (targets + 3) % M
    logits = hidden @ items.T
    pairs = torch.stack([logits[torch.arange(N), column] for column in (targets, others)])
    labels = torch.tensor([[1.0], [0.0]], dtype=torch.float64).expand(2, N)
    expected = 2 * binary_cross_entropy_with_logits(pairs, labels)
    torch.testing.assert_close(
        binary_cross_entropy(hidden, items[targets], items[others]), expected
    )


@pytest.mark.parametrize("chunk", [1, 7 * M, 1 << 20])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_all_items_drawn(monkeypatch: pytest.MonkeyPatch, chunk: int, scale: float) -> None:
    """Then it is torch's cross-entropy, with its gradients, also where powers would overflow."""
    monkeypatch.setitem(sampled_softmax._LOGITS_A_CHUNK, "cpu", chunk)
    hidden, items, targets = drawn_case(scale)
    order = torch.randperm(M, generator=torch.Generator().manual_seed(1))
    loss = softmax_loss(hidden, items, targets, order)
    expected = torch_cross_entropy(hidden @ items.T, targets)
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(3 * loss, (hidden, items))
    torch.testing.assert_close(ours, torch.autograd.grad(3 * expected, (hidden, items)))
    frozen = softmax_loss(hidden, items.detach(), targets, order)
    torch.testing.assert_close(torch.autograd.grad(3 * frozen, hidden), ours[:1])


def test_some_items_drawn() -> None:
    """Each stands for (M - 1) / 6 of the others, and a drawn target for none."""
    hidden, items, targets = drawn_case()
    drawn = torch.tensor([4, 9, 1, 0, 24, 17])
    logits = hidden @ items.T
    own = logits[torch.arange(N), targets].exp()
    weights = (M - 1) / 6 * (drawn != targets[:, None])
    total = own + (weights * logits[:, drawn].exp()).sum(1)
    expected = -(own / total).log().mean()
    loss = softmax_loss(hidden, items, targets, drawn)
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss, (hidden, items))
    torch.testing.assert_close(ours, torch.autograd.grad(expected, (hidden, items)))


def test_the_estimate_comes_near_as_more_are_drawn() -> None:
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(20, SIZE, generator=generator)
    items = torch.randn(4000, SIZE, generator=generator)
    targets = torch.arange(20)
    whole = softmax_loss(hidden, items, targets, torch.arange(4000))

    def error(count: int) -> float:
        drawn = [torch.randperm(4000, generator=generator)[:count] for _ in range(10)]
        return float(
            np.mean([abs(float(softmax_loss(hidden, items, targets, d) - whole)) for d in drawn])
        )

    assert error(3600) < 0.05
    assert error(3600) < error(2000) < 0.15
    assert 0.5 < error(40) < float(whole)
