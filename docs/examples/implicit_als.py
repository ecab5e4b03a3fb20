"""ALS of the library implicit, as a function: `docs.examples.implicit_als:fit`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from llm4idrec.data.interactions import Interactions

Vectors = npt.NDArray[np.float32]


def fit(
    train: Interactions, seed: int, *, factors: int, regularization: float, alpha: float
) -> tuple[Vectors, Vectors]:
    """Vectors of users and items, (n_users, factors) and (n_items, factors)."""
    shape = train.n_users, train.n_items
    pairs = csr_matrix((np.ones(len(train), np.float32), (train.user, train.item)), shape)
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        random_state=seed,
        num_threads=1,
        use_gpu=False,
    )
    model.fit(pairs, show_progress=False)
    return model.user_factors, model.item_factors
