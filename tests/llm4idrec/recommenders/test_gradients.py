"""Training steps against autograd over the whole table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from llm4idrec.config.recommenders import LightGCNConfig
from llm4idrec.recommenders.graph.losses import bpr_loss
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
    users, items, others = (torch.from_numpy(part) for part in recommender._sampler.epoch(rng))
    nodes = recommender.propagate(before)
    scores = nodes[users] @ nodes[4:].T
    margin = scores.gather(1, items[:, None]) - scores.gather(1, others)
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
    """Margins 2 and -1 for the first user, 0 and 3 for the second."""
    rows = torch.tensor([[[1.0], [1.0]], [[2.0], [0.0]], [[0.0], [0.0]], [[3.0], [-3.0]]])
    expected = np.mean([np.log1p(np.exp(-margin)) for margin in (2, -1, 0, 3)])
    assert bpr_loss(rows).item() == pytest.approx(expected, rel=1e-6)
