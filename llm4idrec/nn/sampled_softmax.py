"""Losses of vectors that should find the next item in the catalogue."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

_LOGITS_A_CHUNK = {"cpu": 1 << 20, "cuda": 1 << 24}
"""Logits in memory at once; on a CPU they stay in its last cache."""


def binary_cross_entropy(hidden: Tensor, right: Tensor, wrong: Tensor) -> Tensor:
    """Mean of -ln sigmoid(h.right) - ln(1 - sigmoid(h.wrong)) (Kang and McAuley 2018, III.E).

    All are (n, d): `right` the vectors of the next items, `wrong` of items the user does not have.
    """
    return (softplus(-(hidden * right).sum(-1)) + softplus((hidden * wrong).sum(-1))).mean()


def cross_entropy(
    hidden: Tensor, right: Tensor, others: Tensor, *, place: Tensor, times: float
) -> Tensor:
    """Mean of -ln(e^r / (e^r + times * sum of e^s_j, j != place)); r = h.right, s_j = h.others_j.

    With all items as `others` and `times` 1 it is the cross-entropy over the catalogue; with m
    distinct ones, drawn uniformly from n, and (n - 1) / m, an estimate of it (Bengio and Senecal
    2008). Shapes: hidden and right (n, d), others (m, d), place (n,): the row of `others` that is
    the right item too, or -1.
    """
    loss: Tensor = _WeightedCrossEntropy.apply(hidden, right, others, place, times)  # type: ignore[no-untyped-call]
    return loss


def sampled_softmax_loss(
    hidden: Tensor, right: Tensor, others: Tensor, *, targets: Tensor, drawn: Tensor, n: int
) -> Tensor:
    """`cross_entropy` of finding `targets` (k,) by `hidden` (k, d) among n items, of which `drawn`
    (m,) are drawn; `right` (k, d) and `others` (m, d) are the vectors of both."""
    place = targets.new_full((n,), -1)
    place[drawn] = torch.arange(len(drawn), device=drawn.device)
    times = max(1.0, (n - 1) / len(drawn))
    return cross_entropy(hidden, right, others, place=place[targets], times=times)


class _WeightedCrossEntropy(torch.autograd.Function):
    """See `cross_entropy`.

    The (n, m) matrix is never whole in memory: the gradients are made chunk by chunk along with
    the loss, and nothing is computed twice. Powers are of 2, which a CPU raises faster than e.
    """

    @staticmethod
    def forward(ctx: Any, *given: *tuple[Tensor, Tensor, Tensor, Tensor, float]) -> Tensor:
        hidden, right, others, place, times = given
        # e^x = 2^(x log2 e), so the scale goes into `hidden` once, not into each of n m logits.
        scaled = hidden * math.log2(math.e)
        score = (scaled * right).sum(-1, keepdim=True)
        of_hidden = torch.empty_like(hidden)
        of_others = torch.zeros_like(others) if ctx.needs_input_grad[2] else None
        loss, missing = torch.empty_like(score), torch.empty_like(score)
        step = max(1, _LOGITS_A_CHUNK[hidden.device.type] // len(others))
        chunk = hidden.new_empty(min(step, len(hidden)), len(others))
        for start in range(0, len(hidden), step):
            rows = slice(start, start + step)
            logits = torch.mm(scaled[rows], others.T, out=chunk[: len(scaled[rows])])
            # The right item counts once, with weight 1, even where it is among those drawn.
            drawn = (place[rows] >= 0).nonzero()[:, 0]
            logits[drawn, place[rows][drawn]] = -torch.inf
            # Less the largest, or a power may overflow.
            top = torch.maximum(logits.amax(1, keepdim=True), score[rows])
            odds = logits.sub_(top).exp2_()
            own = torch.exp2(score[rows] - top)
            total = own + times * odds.sum(1, keepdim=True)
            loss[rows] = total.log2() + top - score[rows]
            missing[rows] = own / total - 1
            # d loss / d score_j is its share of the total: here `odds` times `share`.
            share = times / total
            torch.mm(odds, others, out=of_hidden[rows]).mul_(share)
            if of_others is not None:
                of_others.addmm_(odds.T, hidden[rows] * share)
        of_hidden.addcmul_(missing, right)
        ctx.save_for_backward(of_hidden, hidden * missing, of_others)
        return loss.mean() * math.log(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_hidden, of_right, of_others = ctx.saved_tensors
        share = gradient / len(of_hidden)
        of_others = None if of_others is None else of_others * share
        return of_hidden * share, of_right * share, of_others, None, None
