"""Training steps against autograd over the whole table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from llm4idrec.config.recommenders import LightGCNConfig
from llm4idrec.recommenders.graph.bpr import Comparisons, bpr
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.registry import RECOMMENDERS
from tests.llm4idrec.arrays import interactions


@pytest.mark.parametrize("name", ["mf", "lightgcn"])
def test_step_follows_the_whole_gradient(name: str) -> None:
    """The loss's gradient, and Adam's first step: learning_rate times the sign, L2 included."""
    train = interactions([0, 0, 1, 2, 3], [0, 2, 2, 1, 3], (4, 5))
    kind = RECOMMENDERS[name]
    assert issubclass(kind, MF)
    settings = LightGCNConfig(
        learning_rate=1e-3, l2=0.5, layers=2, embedding_size=3, init_scale=0.5
    )
    recommender = kind(
        kind.settings_type(**settings.model_dump(include=set(kind.settings_type.model_fields)))
    )
    recommender.start(train)
    before = recommender._weights.clone().requires_grad_()
    rng = np.random.default_rng(recommender.seed)
    ((users, items),) = recommender._sampler.epoch(rng, settings.batch_size)
    nodes = recommender.propagate(before)
    scores = (nodes[users] @ nodes[4:].T).gather(1, torch.from_numpy(items).long())
    margin = scores[:, :1] - scores[:, 1:]
    loss = -logsigmoid(margin).mean()
    whole = loss + settings.l2 * before.square().sum() / (2 * len(before))
    (of_loss,) = torch.autograd.grad(loss, before, retain_graph=True)
    (gradient,) = torch.autograd.grad(whole, before)

    reported = recommender.train_epoch()

    assert reported == pytest.approx(loss.item(), rel=1e-5)
    assert recommender._weights.grad is not None
    assert torch.allclose(recommender._weights.grad, of_loss, atol=1e-6)
    step = (recommender._weights - before).detach()
    assert torch.allclose(step, -1e-3 * gradient.sign(), atol=2e-5)


def test_bpr_known_answer() -> None:
    """Of the first user margins 2 and -1 to two items, of the second 0 and 3."""
    vectors = torch.tensor([[1.0], [9.0], [2.0], [2.0], [0.0], [3.0], [2.0], [0.5]])
    users, items = np.array([0, 2]), np.array([[0, 1, 2], [0, 3, 4]], np.int32)
    loss, gradient = bpr(vectors, Comparisons.of(users, items, (3, 5)))
    margins = np.array([2.0, -1.0, 0.0, 3.0])
    assert loss.item() == pytest.approx(np.log1p(np.exp(-margins)).mean(), rel=1e-6)
    of_first, of_second = np.split(-1 / (1 + np.exp(margins)) / 4, 2)
    expected = [
        of_first @ [2, -1],
        0,
        of_second @ [0, 1.5],
        of_first.sum() + 2 * of_second.sum(),
        -of_first[0],
        -of_first[1],
        -2 * of_second[0],
        -2 * of_second[1],
    ]
    assert gradient.flatten().tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n_items", [2, 9])
def test_an_item_may_be_compared_twice(n_items: int) -> None:
    """Even where there are more comparisons than places in a matrix of users and items."""
    vectors = torch.arange(1.0, 2 + n_items)[:, None]
    once, twice = (
        bpr(vectors, Comparisons.of(np.array([0]), np.array([items], np.int32), (1, n_items)))
        for items in ([0, 1], [0, 1, 1])
    )
    assert torch.allclose(twice[0], once[0])
    assert torch.allclose(twice[1], once[1])
