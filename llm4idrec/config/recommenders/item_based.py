"""Settings of the recommenders that go by items and nothing learnt of users."""

from __future__ import annotations

from llm4idrec.config.recommenders.base import UnseededConfig
from llm4idrec.config.section import Count, Rate, Weight


class PopularityConfig(UnseededConfig):
    """Items by number of users; there is nothing to set."""


class ItemKNNConfig(UnseededConfig):
    """Item-based nearest neighbours (Deshpande and Karypis 2004)."""

    neighbours: Count = 200
    """Similar items kept for each item."""
    shrinkage: Weight = 0.5
    """Added to the denominator of the cosine: damps similarities that few users support. A user
    with n items counts 1 / n in cosines, so the scale is below that of numbers of users."""


class EASEConfig(UnseededConfig):
    """EASE (Steck 2019)."""

    l2: Rate = 200.0
    """Weight of the squared item-item weights."""
