"""The contrastive loss, the noise, and what SimGCL and XSimGCL descend along."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, logsigmoid

from llm4idrec.config.recommenders import SimGCLConfig, XSimGCLConfig
from llm4idrec.recommenders.graph import losses
from llm4idrec.recommenders.graph.losses import info_nce
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.graph.propagation import disturb, power_series
from llm4idrec.recommenders.graph.simgcl import SimGCL
from llm4idrec.recommenders.graph.xsimgcl import XSimGCL
from tests.llm4idrec.arrays import interactions

TRAIN = interactions([0, 0, 1, 2, 3, 3], [0, 2, 2, 1, 3, 0], (4, 5))
SETTINGS = SimGCLConfig(
    layers=3, embedding_size=6, init_scale=0.5, noise=0.3, contrast=0.7, temperature=0.2
).model_dump()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def written_out(queries: Tensor, keys: Tensor, own: Tensor, temperature: float) -> Tensor:
    logits = cosine_similarity(queries[:, None], keys[None], dim=-1) / temperature
    return cross_entropy(logits, own)


def test_info_nce_known_answer() -> None:
    """Three orthogonal pairs at temperature 1: each finds its own among logits 1, 0, 0."""
    eye = torch.eye(3)
    loss = info_nce(eye * 5, eye, torch.arange(3), temperature=1.0)
    assert loss.item() == pytest.approx(np.log(np.e + 2) - 1, rel=1e-6)


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.05, 0.2, 1.0]), st.integers(1, 40))
def test_info_nce_and_its_gradients(n: int, m: int, temperature: float, chunk: int) -> None:
    queries, keys = random(n, 4).requires_grad_(), random(m, 4, seed=1).requires_grad_()
    own = torch.randint(m, (n,), generator=torch.Generator().manual_seed(2))
    expected = written_out(queries, keys, own, temperature)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(losses._LOGITS_A_CHUNK, "cpu", chunk)
        loss = info_nce(queries, keys, own, temperature=temperature)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)
    for one, other in zip(
        torch.autograd.grad(3 * loss, (queries, keys)),
        torch.autograd.grad(3 * expected, (queries, keys)),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_noise_has_its_length_and_keeps_signs() -> None:
    before = random(50, 64)
    before[7] = 0
    after = disturb(before.clone(), 0.1, torch.Generator().manual_seed(0))
    lengths = (after - before).norm(dim=-1)
    assert lengths[7] == 0
    assert torch.allclose(lengths[before.any(-1)], torch.tensor(0.1), atol=1e-5)
    assert ((after - before) * before.sign() >= -1e-6).all()


def test_noise_is_uniform_before_it_is_normalised() -> None:
    noise = disturb(torch.ones(4000, 64), 1.0, torch.Generator().manual_seed(0)) - 1
    expected = torch.rand(4000, 64, generator=torch.Generator().manual_seed(1))
    expected /= expected.norm(dim=-1, keepdim=True)
    for share in (0.1, 0.5, 0.9):
        assert noise.quantile(share).item() == pytest.approx(
            expected.quantile(share).item(), abs=2e-3
        )


@pytest.mark.parametrize("size", [1, 3, 8])
def test_noise_of_few_entries(size: int) -> None:
    noise = disturb(torch.ones(300, size), 0.5, torch.Generator().manual_seed(0)) - 1
    assert noise.isfinite().all()
    assert (noise.norm(dim=-1) <= 0.5 + 1e-5).all()


def test_power_series() -> None:
    matrix = random(5, 5)
    terms = [random(5, 2, seed=seed) for seed in range(3)]
    expected = terms[0] + matrix @ terms[1] + matrix @ matrix @ terms[2]
    assert torch.allclose(power_series(terms, matrix.to_sparse_csr()), expected, atol=1e-5)


def noisy_layers(recommender: SimGCL, weights: Tensor, noise: torch.Generator) -> list[Tensor]:
    """Layers 1 to L of the paper, densely; noise is a constant to autograd."""
    adjacency, layers = recommender._adjacency.to_dense(), [weights]
    for _ in range(recommender.settings.layers):
        layer = adjacency @ layers[-1]
        moved = disturb(layer.detach().clone(), recommender.settings.noise, noise)
        layers.append(layer + (moved - layer).detach())
    return layers[1:]


def simgcl_vectors(recommender: SimGCL, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    noise = copy.deepcopy(recommender._noise)
    one, other = (torch.stack(noisy_layers(recommender, weights, noise)).mean(0) for _ in range(2))
    return recommender.propagate(weights), one, other


def xsimgcl_vectors(recommender: XSimGCL, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    layers = noisy_layers(recommender, weights, copy.deepcopy(recommender._noise))
    final = torch.stack(layers).mean(0)
    return final, final, layers[recommender.settings.contrast_layer - 1]


def next_batch(recommender: MF) -> tuple[Tensor, Tensor]:
    """Of all pairs: the users (n,), and their items (n, 2), the one taken first."""
    rng = copy.deepcopy(recommender._rng)
    ((users, items),) = recommender._sampler.epoch(rng, recommender.settings.batch_size)
    return torch.from_numpy(users), torch.from_numpy(items).long()


def bpr(vectors: Tensor, users: Tensor, items: Tensor) -> Tensor:
    scores = (vectors[users] @ vectors[TRAIN.n_users :].T).gather(1, items)
    return -logsigmoid(scores[:, :1] - scores[:, 1:]).mean()


@pytest.mark.parametrize(
    ("recommender", "vectors_of"),
    [
        (SimGCL(SimGCLConfig(**SETTINGS)), simgcl_vectors),
        *((XSimGCL(XSimGCLConfig(**SETTINGS, contrast_layer=n)), xsimgcl_vectors) for n in (1, 3)),
    ],
)
def test_step_follows_the_whole_gradient(
    recommender: SimGCL, vectors_of: Callable[[SimGCL, Tensor], tuple[Tensor, Tensor, Tensor]]
) -> None:
    recommender.start(TRAIN)
    weights = recommender._weights.clone().requires_grad_()
    users, items = next_batch(recommender)
    final, one, other = vectors_of(recommender, weights)
    loss = bpr(final, users, items)
    for nodes in (torch.unique(users), torch.unique(items[:, 0]) + TRAIN.n_users):
        own = torch.arange(len(nodes))
        loss = loss + 0.7 * written_out(one[nodes], other[nodes], own, 0.2)
    (expected,) = torch.autograd.grad(loss, weights)

    reported = recommender.train_epoch()

    assert reported == pytest.approx(loss.item(), rel=1e-5)
    assert recommender._weights.grad is not None
    assert torch.allclose(recommender._weights.grad, expected, atol=1e-5)


def test_groups_of_the_contrast() -> None:
    """Five nodes in groups of at most two: 0 and 3, 1 and 4, 2 alone."""
    recommender = SimGCL(SimGCLConfig(contrast_nodes=2, temperature=0.2))
    one, other = random(5, 4), random(5, 4, seed=1)
    parts = [
        len(group) / 5 * written_out(one[group], other[group], torch.arange(len(group)), 0.2).item()
        for group in ([0, 3], [1, 4], [2])
    ]
    assert recommender.contrast(one, other).item() == pytest.approx(sum(parts), rel=1e-5)


def test_contrasted_layer_must_exist() -> None:
    with pytest.raises(ValidationError, match="contrast_layer"):
        XSimGCLConfig(layers=2, contrast_layer=3)
