"""Losses on batches of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import normalize

_LOGITS_A_CHUNK = {"cpu": 1 << 17, "cuda": 1 << 24}
"""On a CPU a chunk stays in the cache from its product to the sums of its gradients."""


def loss_and_gradients(
    loss: Callable[..., Tensor], *rows: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The scalar `loss` of some rows of vectors, and its gradient in each of them.

    The rows are leaves of the graph: autograd goes no further back than to them.
    """
    leaves = [part.detach().requires_grad_() for part in rows]
    total = loss(*leaves)
    return total.detach(), torch.autograd.grad(total, leaves)


def info_nce(queries: Tensor, keys: Tensor, own: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy of each query finding its own key (Oord et al. 2018, eq. 4); a scalar.

    The mean over i of ln sum_j exp(s_ij) - s_i,own(i), where s_ij = cos(q_i, k_j) / temperature.
    Shapes: queries (n, d), keys (m, d), own (n,) rows of `keys`. A temperature below 0.02 may
    overflow.
    """
    queries = normalize(queries, dim=-1) / temperature
    total: Tensor = _InfoNCE.apply(queries, normalize(keys, dim=-1), own)  # type: ignore[no-untyped-call]
    return total / len(queries)


class _InfoNCE(torch.autograd.Function):
    """Sum over i of ln sum_j exp(q_i.k_j) - q_i.k_own(i), without the n by m matrix in memory.

    The gradients are made chunk by chunk along with the loss: all passes over a chunk but the
    first find it in the cache, and nothing is computed twice.
    """

    @staticmethod
    def forward(ctx: Any, *given: *tuple[Tensor, Tensor, Tensor]) -> Tensor:
        queries, keys, own = given
        step = max(1, _LOGITS_A_CHUNK[queries.device.type] // len(keys))
        positive = keys[own]
        of_queries, of_keys = torch.empty_like(queries), torch.zeros_like(keys)
        totals = queries.new_empty(len(queries), 1)
        chunk = queries.new_empty(step, len(keys))
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            query, total = queries[rows], totals[rows]
            odds = torch.mm(query, keys.T, out=chunk[: len(query)]).exp_()
            torch.sum(odds, 1, keepdim=True, out=total)
            torch.mm(odds, keys, out=of_queries[rows]).div_(total)
            of_keys.addmm_(odds.T, query / total)
        of_queries -= positive
        of_keys.index_add_(0, own, queries, alpha=-1)
        ctx.save_for_backward(of_queries, of_keys)
        return totals.log().sum() - (queries * positive).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        of_queries, of_keys = ctx.saved_tensors
        return gradient * of_queries, gradient * of_keys, None
