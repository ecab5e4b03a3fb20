"""PureSVD: the train matrix by its largest singular vectors (Cremonesi et al. 2010)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config.recommenders import SVDConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.nn.factorisation import Matrix, counts_to, singular_vectors
from llm4idrec.recommenders.base import ClosedForm
from llm4idrec.recommenders.graph.embedding import EmbeddingRecommender

NORMALISATION = 0.25
"""Power of user and item counts by which pairs are divided before the factorisation. An item's
vector is multiplied by the same power of its count, so that it grows with popularity. NDCG@20 on
validation of the bundled data, split random / by time, 32 vectors: .1910 / .1139; with powers of 0,
as in the paper, .1812 / .1135; of 0.5, .1833 / .1050, or .1718 / .1012 where items get 0.25 back,
as those of the compact language model do at its start."""


class SVD(EmbeddingRecommender, ClosedForm):
    """Scores a pair by the entry that the largest singular vectors give its matrix."""

    settings_type: ClassVar[type[SVDConfig]] = SVDConfig
    settings: SVDConfig

    def learn(self, train: Interactions) -> None:
        left, singular, right = singular_vectors(
            train, self.settings.embedding_size, normalisation=NORMALISATION
        )
        items = right * counts_to(train.item_counts, NORMALISATION)[:, None]
        self._fitted = left * singular, items
        self._vectors = None

    def make_vectors(self) -> tuple[Tensor, Tensor]:
        users, items = (self._as_tensor(vectors) for vectors in self._fitted)
        return users, items

    def _as_tensor(self, vectors: Matrix) -> Tensor:
        return torch.from_numpy(vectors.astype(np.float32)).to(self.device)
