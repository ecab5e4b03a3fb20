"""What each framework calls our recommenders, and their settings in our words.

Batch size, embedding size, depth and the rest are the framework's own defaults, on both sides. For
quality ours are our own: a knob of the same name often means another thing (SELFRec's `reg.lambda`
weighs other norms in each of its models), and what is compared then is what each side can do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import yaml

from benchmarks.handover import Split
from benchmarks.pipe import Job

Settings = dict[str, Any]
SHARED = {
    "embedding.size": "embedding_size",
    "batch.size": "batch_size",
    "learning.rate": "learning_rate",
    "max.len": "max_length",
}
"""Their key -> our field, of every model."""
_BLOCKS = {"n_blocks": "layers", "n_heads": "heads", "drop_rate": "dropout"}
_NOISE = {"n_layer": "layers", "eps": "noise", "lambda": "contrast"}
OWN: dict[str, dict[str, str]] = {
    "mf": {},
    "lightgcn": {"n_layer": "layers"},
    "simgcl": _NOISE,
    "xsimgcl": _NOISE | {"tau": "temperature", "l_star": "contrast_layer"},
    "ncl": {
        "n_layer": "layers",
        "tau": "temperature",
        "ssl_reg": "structure",
        "proto_reg": "prototypes",
        "num_clusters": "clusters",
    },
    "sasrec": _BLOCKS,
    "bert4rec": _BLOCKS | {"mask_rate": "masked"},
    "cl4srec": _BLOCKS | {"cl_rate": "contrast", "aug_rate": "cropped"},
}
"""The same of each model's own section."""
FIXED: dict[str, Settings] = {
    "mf": {"negatives": 1},
    "lightgcn": {"negatives": 1},
    "simgcl": {"negatives": 1, "temperature": 0.2},
    "xsimgcl": {"negatives": 1},
    "ncl": {"negatives": 1, "warm_up": 1},
    "sasrec": {"loss": "bce"},
    "bert4rec": {"last_only": 0},
    "cl4srec": {"temperature": 1},
}
"""What SELFRec has in its code; and a warm-up of the one epoch that is not counted."""


class Framework(ABC):
    """Somebody else's recommenders."""

    name: ClassVar[str]
    module: ClassVar[str]
    """Runs as a process and answers `pipe.Side`."""
    graph: ClassVar[dict[str, str]]
    sequential: ClassVar[dict[str, str]]
    """Our name -> theirs, for data without and with an order in time."""
    fits: ClassVar[bool] = False
    """Whether it is trained by whole fits, as its users call it; or else by epochs."""

    def models(self, split: Split) -> dict[str, str]:
        """Our name -> theirs, of all that `split` is for."""
        return self.sequential if split.sequential else self.graph

    @abstractmethod
    def job(self, model: str, data: Path, split: Split, *, whole: bool) -> tuple[Job, Settings]:
        """Theirs to do, and our settings for the same, none where ours cannot do the same; `whole`
        trains from the first epoch on."""


class SELFRec(Framework):
    """A checkout of SELFRec; settings come from its `conf` folder.

    2000 clusters, NCL's default, are more than faiss can find among a few thousand users: one for
    each ten users or items at most. NCL leaves them out for 20 epochs, so it is timed from there.
    """

    name = "SELFRec"
    module = "benchmarks.selfrec"
    graph: ClassVar = {
        "mf": "MF",
        "lightgcn": "LightGCN",
        "simgcl": "SimGCL",
        "xsimgcl": "XSimGCL",
        "ncl": "NCL",
    }
    sequential: ClassVar = {"sasrec": "SASRec", "bert4rec": "BERT4Rec", "cl4srec": "CL4SRec"}

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.resolve()

    def job(self, model: str, data: Path, split: Split, *, whole: bool) -> tuple[Job, Settings]:
        theirs = self.models(split)[model]
        file = self.checkout / "conf" / f"{theirs}.yaml"
        conf = yaml.safe_load(file.read_text(encoding="utf-8"))
        conf |= {"training.set": str(data / "train.txt"), "test.set": str(data / "test.txt")}
        if model == "ncl":
            max_clusters = min(split.train.n_users, split.train.n_items) // 10
            conf[theirs]["num_clusters"] = min(conf[theirs]["num_clusters"], max_clusters)
        first = 20 if model == "ncl" and not whole else 0
        job = {"checkout": str(self.checkout), "conf": conf, "first_epoch": first}
        return job, selfrec_settings(model, conf, conf.get(theirs, {}))


def selfrec_settings(model: str, conf: Settings, own: Settings) -> Settings:
    """Ours for the values in SELFRec's file (`own`: its model's section) and in its code."""
    values = conf | own
    names = SHARED | OWN[model]
    # YAML takes "1e-6" for a word.
    return {names[key]: float(values[key]) for key in names if key in values} | FIXED[model]


class RecBole(Framework):
    """An installed RecBole, with its defaults.

    Its SASRec trains on one sample a prefix and takes minutes an epoch on a small set: a few
    batches are timed and scaled. A batch of it holds prefixes, one of ours holds whole histories.
    """

    name = "RecBole"
    module = "benchmarks.recbole"
    graph: ClassVar = {"mf": "BPR", "lightgcn": "LightGCN"}
    sequential: ClassVar = {"sasrec": "SASRec"}

    def job(self, model: str, data: Path, split: Split, *, whole: bool) -> tuple[Job, Settings]:
        config: Settings = {"eval_batch_size": 1 << 22}  # scores at once, as ours
        ours: Settings = {"embedding_size": 64, "learning_rate": 1e-3}
        if split.sequential:
            config |= {"eval_batch_size": 256, "train_neg_sample_args": None}
            config |= {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
            config |= {"eval_args": {"split": {"LS": "test_only"}, "order": "TO", "mode": "full"}}
            ours |= {"heads": 2, "dropout": 0.5, "loss": "cross_entropy"}
        else:
            config |= {"benchmark_filename": ["train", "valid", "test"]}
            ours |= {"batch_size": 2048, "negatives": 1}
            ours |= {"layers": 2} if model == "lightgcn" else {}
        few = 5 if split.sequential and not whole else None
        return {"model": self.models(split)[model], "config": config, "batches": few}, ours


class Library(Framework):
    """An installed library that is called to fit a model, with its defaults."""

    sequential: ClassVar = {}
    fits = True
    needed: ClassVar[dict[str, Settings]]
    """What it has to be told of a model, beside its defaults."""
    same: ClassVar[dict[str, Settings]]
    """Its defaults in our words; no entry where it is another model."""

    def job(self, model: str, data: Path, split: Split, *, whole: bool) -> tuple[Job, Settings]:
        settings = self.needed.get(model, {})
        return {"model": self.graph[model], "settings": settings}, self.same.get(model, {})


class Implicit(Library):
    """Its models for the CPU; its ALS is in our iALS.

    Its BPR takes a step of plain gradient descent for each pair, ours one of Adam a batch.
    """

    name = "implicit"
    module = "benchmarks.implicit"
    graph: ClassVar = {
        "ials": "als.AlternatingLeastSquares",
        "mf": "bpr.BayesianPersonalizedRanking",
    }
    needed: ClassVar = {}
    same: ClassVar = {
        "ials": {"embedding_size": 100, "regularization": 0.01, "alpha": 1, "iterations": 15},
        "mf": {"embedding_size": 100, "negatives": 1, "max_epochs": 100},
    }


class LensKit(Library):
    """Its usual pipeline around each of its scorers, which ranks user by user.

    Its iALS solves exactly, where ours takes three steps, and solves for a user again to rank. Its
    ItemKNN limits the neighbours that an item's score is summed over, ours those that each item
    keeps. Its SVD is for ratings and is left out.
    """

    name = "LensKit"
    module = "benchmarks.lenskit"
    graph: ClassVar = {
        "ials": "als.ImplicitMFScorer",
        "itemknn": "knn.ItemKNNScorer",
        "ease": "knn.EASEScorer",
        "mf": "flexmf.FlexMFImplicitScorer",
    }
    needed: ClassVar = {"itemknn": {"feedback": "implicit"}, "mf": {"preset": "bpr"}}
    same: ClassVar = {
        "ials": {"embedding_size": 50, "regularization": 0.1, "alpha": 41, "iterations": 10},
        "ease": {"l2": 1},
        "mf": {"embedding_size": 64, "batch_size": 8192, "learning_rate": 0.01}
        | {"negatives": 1, "max_epochs": 10},
    }
