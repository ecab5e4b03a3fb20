"""NCL's gradient against autograd over the whole table, and its clusters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, logsigmoid

from llm4idrec.config.recommenders import NCLConfig
from llm4idrec.recommenders.graph.kmeans import kmeans, nearest_centres
from llm4idrec.recommenders.graph.ncl import NCL
from tests.llm4idrec.arrays import interactions

TRAIN = interactions([0, 0, 1, 2, 3, 3], [0, 2, 2, 1, 3, 0], (4, 5))
SETTINGS = NCLConfig(
    embedding_size=6,
    init_scale=0.5,
    structure=0.7,
    prototypes=0.4,
    temperature=0.1,
    clusters=2,
    warm_up=1,
)


def written_out(queries: Tensor, keys: Tensor, own: Tensor) -> Tensor:
    logits = cosine_similarity(queries[:, None], keys[None], dim=-1) / SETTINGS.temperature
    return cross_entropy(logits, own)


def objective(recommender: NCL, first: Tensor, users: Tensor, items: Tensor) -> Tensor:
    """Eq. 15 of the paper, densely, with the clusters that the recommender holds."""
    adjacency = recommender._adjacency.to_dense()
    layers = [first]
    for _ in range(recommender.settings.layers):
        layers.append(adjacency @ layers[-1])
    final = torch.stack(layers).mean(0)
    scores = (final[users] @ final[4:].T).gather(1, items)
    loss = -logsigmoid(scores[:, :1] - scores[:, 1:]).mean()
    sides = zip(
        (users, items[:, 0]),
        torch.split(layers[2], [4, 5]),
        torch.split(first, [4, 5]),
        strict=True,
    )
    for side, (taken, context, keys) in enumerate(sides):
        nodes = torch.unique(taken)
        loss = loss + SETTINGS.structure * written_out(context[nodes], keys, nodes)
        if recommender._centres:
            centres = recommender._centres[side]
            nearest = torch.cdist(keys[nodes], centres).argmin(-1)
            loss = loss + SETTINGS.prototypes * written_out(keys[nodes], centres, nearest)
    return loss


def test_step_follows_the_whole_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before clusters count and after."""
    recommender = NCL(SETTINGS)
    recommender.start(TRAIN)
    ((users, items),) = recommender._sampler.epoch(np.random.default_rng(0), 8)
    monkeypatch.setattr(recommender._sampler, "epoch", lambda *_: [(users, items)])
    batch = torch.from_numpy(users), torch.from_numpy(items).long()
    for clusters in (False, True):
        weights = recommender._weights.clone().requires_grad_()
        reported = recommender.train_epoch()
        loss = objective(recommender, weights, *batch)
        (expected,) = torch.autograd.grad(loss, weights)
        assert bool(recommender._centres) == clusters
        assert reported == pytest.approx(loss.item(), rel=1e-5)
        assert recommender._weights.grad is not None
        assert torch.allclose(recommender._weights.grad, expected, atol=1e-5)


def test_kmeans_finds_far_apart_groups() -> None:
    points = torch.tensor([[0.0, 0], [0, 2], [10, 0], [10, 2], [10, 4]])
    centres = kmeans(points, points[[0, 4]], 5)
    assert torch.equal(centres, torch.tensor([[0.0, 1], [10, 2]]))
    assert nearest_centres(points, centres).tolist() == [0, 0, 1, 1, 1]


def test_a_centre_without_points_stays() -> None:
    points, centres = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [50.0]])
    assert torch.equal(kmeans(points, centres, 3), torch.tensor([[0.5], [50.0]]))


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 99))
def test_a_round_never_spreads_points(n: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn((n, 3), generator=generator)
    centres = torch.randn((k, 3), generator=generator)
    distance = torch.cdist(points, centres)
    chosen = distance.gather(1, nearest_centres(points, centres)[:, None])[:, 0]
    assert torch.allclose(chosen, distance.min(-1).values, atol=1e-3)
    later = torch.cdist(points, kmeans(points, centres, 1)).min(-1).values
    assert later.square().sum() <= chosen.square().sum() + 1e-3


def test_more_clusters_than_nodes() -> None:
    recommender = NCL(SETTINGS.model_copy(update={"clusters": 100}))
    recommender.start(TRAIN)
    for _ in range(3):
        recommender.train_epoch()
    assert [len(centres) for centres in recommender._centres] == [4, 5]


def test_a_sample_of_the_nodes_is_compared() -> None:
    """Two users are enough, and of the five items the batch's two and at most one other."""
    recommender = NCL(SETTINGS.model_copy(update={"contrast_nodes": 3}))
    recommender.start(TRAIN)
    batch = torch.tensor([[0, 1], [4, 6], [5, 8]])
    seen = set()
    for _ in range(60):
        compared = recommender._compared(torch.unique(batch[:2])).tolist()
        assert compared == sorted(set(compared))
        assert {0, 1, 4, 6} <= set(compared)
        assert len([node for node in compared if node < 4]) <= 3
        assert len([node for node in compared if node >= 4]) <= 3
        seen |= set(compared)
    assert seen == set(range(9))
    assert np.isfinite(recommender.train_epoch())
