"""Recommenders behind one interface, found by name."""

from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.lightgcn import LightGCN
from llm4idrec.recommenders.mf import MF

RECOMMENDERS: dict[str, type[Recommender]] = {"mf": MF, "lightgcn": LightGCN}

__all__ = ["MF", "RECOMMENDERS", "LightGCN", "Recommender"]
