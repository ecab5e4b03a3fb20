"""P5: prompts about users and numbered items, answered by a T5 (Geng et al. 2022)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from llm4idrec.config.recommenders import P5Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.generative.indexing import random_index, sequential_index
from llm4idrec.recommenders.generative.recommender import Generative


class P5(Generative):
    """P5 as in OpenP5 (Xu et al. 2023): items are numbers, at random or in order of appearance."""

    settings_type: ClassVar[type[P5Config]] = P5Config
    settings: P5Config

    def index_items(self, train: Interactions, rng: np.random.Generator) -> list[str]:
        if self.settings.indexing == "random":
            return random_index(train.n_items, rng)
        return sequential_index(train)
