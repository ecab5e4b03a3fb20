"""The graph against the paper's formulas, written out densely."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from llm4idrec.recommenders.graph.propagation import normalised_adjacency, propagate
from tests.llm4idrec.arrays import interactions

TRAIN = interactions([0, 0, 1, 3], [0, 2, 2, 1], (4, 4))


def dense() -> npt.NDArray[np.float64]:
    matrix = np.zeros((8, 8))
    matrix[TRAIN.user, TRAIN.item + 4] = 1
    matrix += matrix.T
    degree = matrix.sum(1)
    root: npt.NDArray[np.float64] = np.divide(1, np.sqrt(degree), out=np.zeros(8), where=degree > 0)
    return root[:, None] * matrix * root


def test_adjacency() -> None:
    adjacency = normalised_adjacency(TRAIN, torch.device("cpu"))
    assert adjacency.layout == torch.sparse_csr
    np.testing.assert_allclose(adjacency.to_dense().numpy(), dense(), atol=1e-6)


def test_propagate_is_the_mean_of_the_layers() -> None:
    nodes = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    adjacency = normalised_adjacency(TRAIN, torch.device("cpu"))
    powers = [np.linalg.matrix_power(dense(), layer) for layer in range(4)]
    np.testing.assert_allclose(
        propagate(nodes, adjacency, 3).numpy(), np.mean(powers, 0) @ nodes.numpy(), atol=1e-6
    )


def test_no_layers_change_nothing() -> None:
    nodes = torch.eye(8)
    adjacency = normalised_adjacency(TRAIN, torch.device("cpu"))
    assert torch.equal(propagate(nodes, adjacency, 0), nodes)
