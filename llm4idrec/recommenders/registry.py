"""The recommenders by the names they have in `params.yaml`, and the user's own."""

import numpy as np

from llm4idrec.config.own import OwnConfig
from llm4idrec.config.recommenders import RecommenderConfig
from llm4idrec.own.recommender import OwnRecommender
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.generative.cid import CID
from llm4idrec.recommenders.generative.p5 import P5
from llm4idrec.recommenders.graph.ials import IALS
from llm4idrec.recommenders.graph.lightgcn import LightGCN
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.graph.ncl import NCL
from llm4idrec.recommenders.graph.simgcl import SimGCL
from llm4idrec.recommenders.graph.svd import SVD
from llm4idrec.recommenders.graph.xsimgcl import XSimGCL
from llm4idrec.recommenders.item_based.ease import EASE
from llm4idrec.recommenders.item_based.itemknn import ItemKNN
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.recommenders.sequential.bert4rec import BERT4Rec
from llm4idrec.recommenders.sequential.cl4srec import CL4SRec
from llm4idrec.recommenders.sequential.lm import LM
from llm4idrec.recommenders.sequential.sasrec import SASRec

RECOMMENDERS: dict[str, type[Recommender]] = {
    "popularity": Popularity,
    "itemknn": ItemKNN,
    "ease": EASE,
    "svd": SVD,
    "ials": IALS,
    "mf": MF,
    "lightgcn": LightGCN,
    "simgcl": SimGCL,
    "xsimgcl": XSimGCL,
    "ncl": NCL,
    "sasrec": SASRec,
    "bert4rec": BERT4Rec,
    "cl4srec": CL4SRec,
    "lm": LM,
    "p5": P5,
    "cid": CID,
}


def trainings(settings: RecommenderConfig, seeds: int) -> int:
    """With so many seeds; one where the seed means nothing."""
    return seeds if settings.is_seeded else 1


def new_recommender(
    name: str, settings: RecommenderConfig, *, seed: int, nth: int, device: str
) -> Recommender:
    """An untrained one, for the `nth` of an experiment's seeds, which all derive from `seed`.

    `name` is a key of `RECOMMENDERS`, and `settings` are of that one's type; or these say what the
    user's own is. `device` is one of torch's.
    """
    own = int(np.random.SeedSequence((seed, nth)).generate_state(1)[0])
    kind = OwnRecommender if isinstance(settings, OwnConfig) else RECOMMENDERS[name]
    return kind(settings, own, device)
