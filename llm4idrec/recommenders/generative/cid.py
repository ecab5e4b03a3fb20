"""CID+IID: P5 whose item indices are paths in a tree of clusters (Hua et al. 2023)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from llm4idrec.config.recommenders import CIDConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.generative.collaborative import collaborative_index
from llm4idrec.recommenders.generative.recommender import Generative


class CID(Generative):
    """Items that users share begin alike, so that the model may learn about them together."""

    settings_type: ClassVar[type[CIDConfig]] = CIDConfig
    settings: CIDConfig

    def index_items(self, train: Interactions, rng: np.random.Generator) -> list[str]:
        settings = self.settings
        return collaborative_index(
            train,
            clusters=settings.clusters,
            leaf_size=settings.leaf_size,
            independent=settings.independent,
            rng=rng,
        )
