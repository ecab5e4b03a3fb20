"""iALS: matrix factorisation of taken and not taken, by least squares (Hu et al. 2008)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from implicit.cpu.als import AlternatingLeastSquares, calculate_loss
from implicit.recommender_base import ModelFitError
from scipy.sparse import csr_matrix
from torch import Tensor

from llm4idrec.config.recommenders import IALSConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.recommenders.graph.embedding import EmbeddingRecommender
from llm4idrec.recommenders.item_based.history import history_matrix
from llm4idrec.recommenders.validation import Record, Training, Validation
from llm4idrec.runtime.memory import machine_bytes
from llm4idrec.runtime.threads import fixed_threads

Vectors = npt.NDArray[np.float32]


class IALS(EmbeddingRecommender):
    """One vector a user and an item, solved for in turn by the library implicit.

    Each vector takes three steps of conjugate gradients an iteration (Takacs et al. 2011), from
    where it was. It is fitted on the CPU, in one thread and in float32.
    """

    settings_type: ClassVar[type[IALSConfig]] = IALSConfig
    settings: IALSConfig

    def fit(
        self, train: Interactions, validation: Validation | None = None, epochs: int | None = None
    ) -> Training:
        """Learn `train` in `epochs` iterations (default `settings.iterations`), all of them one
        record; its loss is the one that is minimised, over the sum of the weights of all errors.

        Raises `InputError` if the memory cannot hold the vectors, `DivergenceError` if a number
        is not finite.
        """
        require_memory(train.n_users, train.n_items, self.settings.embedding_size)
        iterations = epochs or self.settings.iterations
        # Sums of the BLAS that are split over threads would differ in their last bits.
        with fixed_threads(1), np.errstate(all="ignore"):
            self._fitted, loss = self._solve(csr_matrix(history_matrix(train)), iterations)
        self._vectors = None
        scores = validation.scores(self) if validation else {}
        return Training((Record(iterations, loss, scores),), iterations, scores)

    def _solve(
        self, user_items: csr_matrix, iterations: int
    ) -> tuple[tuple[Vectors, Vectors], float]:
        """Vectors of users and items, and the loss; `user_items` has ones at the pairs."""
        settings = self.settings
        model = AlternatingLeastSquares(
            factors=settings.embedding_size,
            regularization=settings.regularization,
            alpha=settings.alpha,
            iterations=iterations,
            num_threads=1,
            random_state=self.seed,
        )
        try:
            model.fit(user_items, show_progress=False)
            vectors = model.user_factors, model.item_factors
            weights = settings.alpha * user_items
            loss = calculate_loss(weights, *vectors, settings.regularization, num_threads=1)
        except ModelFitError as error:
            raise self._diverged() from error
        if not np.isfinite(loss):
            raise self._diverged()
        return vectors, loss

    def _diverged(self) -> DivergenceError:
        alpha, regularization = self.settings.alpha, self.settings.regularization
        return DivergenceError(
            f"iALS has vectors that are not finite; another alpha than {alpha:g} or "
            f"regularization than {regularization:g} may help"
        )

    def make_vectors(self) -> tuple[Tensor, Tensor]:
        users, items = (torch.from_numpy(vectors).to(self.device) for vectors in self._fitted)
        return users, items


def require_memory(n_users: int, n_items: int, embedding_size: int) -> None:
    """`InputError` if this machine cannot hold the vectors of so many users and items."""
    there = machine_bytes()
    # Random numbers are there twice before they are vectors, and products of each with each thrice.
    needed = (2 * (n_users + n_items) + 3 * embedding_size) * embedding_size * 4
    if needed > there:
        raise InputError(
            f"iALS needs {needed / 1e9:.1f} GB for {n_users} users and {n_items} items",
            f"at most the {there / 1e9:.1f} GB that cpu has",
            f"lower ials.embedding_size, which is {embedding_size}, or raise data.k_core",
        )
