"""What each recommender can be told, a file for a family.

A subclass has the fields of its base as well.
"""

from llm4idrec.config.recommenders.base import (
    RecommenderConfig,
    TrainedConfig,
    UnseededConfig,
)
from llm4idrec.config.recommenders.generative import (
    CIDConfig,
    GenerativeConfig,
    P5Config,
)
from llm4idrec.config.recommenders.graph import (
    IALSConfig,
    LightGCNConfig,
    MFConfig,
    NCLConfig,
    SimGCLConfig,
    SVDConfig,
    XSimGCLConfig,
)
from llm4idrec.config.recommenders.item_based import (
    EASEConfig,
    ItemKNNConfig,
    PopularityConfig,
)
from llm4idrec.config.recommenders.sequential import (
    BERT4RecConfig,
    CL4SRecConfig,
    LMConfig,
    SASRecConfig,
    SequentialConfig,
)

SETTINGS: dict[str, type[RecommenderConfig]] = {
    "popularity": PopularityConfig,
    "itemknn": ItemKNNConfig,
    "ease": EASEConfig,
    "svd": SVDConfig,
    "ials": IALSConfig,
    "mf": MFConfig,
    "lightgcn": LightGCNConfig,
    "simgcl": SimGCLConfig,
    "xsimgcl": XSimGCLConfig,
    "ncl": NCLConfig,
    "sasrec": SASRecConfig,
    "bert4rec": BERT4RecConfig,
    "cl4srec": CL4SRecConfig,
    "lm": LMConfig,
    "p5": P5Config,
    "cid": CIDConfig,
}
"""The recommenders' names in `params.yaml`."""

__all__ = [
    "SETTINGS",
    "BERT4RecConfig",
    "CIDConfig",
    "CL4SRecConfig",
    "EASEConfig",
    "GenerativeConfig",
    "IALSConfig",
    "ItemKNNConfig",
    "LMConfig",
    "LightGCNConfig",
    "MFConfig",
    "NCLConfig",
    "P5Config",
    "PopularityConfig",
    "RecommenderConfig",
    "SASRecConfig",
    "SVDConfig",
    "SequentialConfig",
    "SimGCLConfig",
    "TrainedConfig",
    "UnseededConfig",
    "XSimGCLConfig",
]
