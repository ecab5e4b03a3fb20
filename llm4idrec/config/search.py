"""Which settings of each recommender the stage `tune_recommenders` searches, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from llm4idrec.config.own import OwnConfig, Value, is_range
from llm4idrec.config.recommenders import RecommenderConfig


class OneOf(NamedTuple):
    """One of some values."""

    values: tuple[Value, ...]


class Between(NamedTuple):
    """Any number between two, even in its logarithm."""

    low: float
    high: float


class Whole(NamedTuple):
    """Any whole number between two, these too, even in its logarithm."""

    low: int
    high: int


Space = dict[str, OneOf | Between | Whole]

_SIZE = OneOf((32, 64, 128, 256))
_RATE = Between(0.001, 0.05)
_BPR: Space = {
    "embedding_size": OneOf((32, 64, 128)),
    "learning_rate": _RATE,
    "l2": Between(0.001, 1),
}
_GRAPH: Space = {
    "layers": OneOf((1, 2, 3)),
    "learning_rate": _RATE,
    "l2": OneOf((0.0, 0.001, 0.005, 0.02)),
}
_CONTRAST: Space = {
    "learning_rate": Between(0.0005, 0.01),
    "l2": OneOf((0.0, 0.001, 0.005, 0.02)),
    "temperature": Between(0.05, 0.5),
    "noise": Between(0.05, 0.5),
}
_SEQUENTIAL: Space = {
    "embedding_size": _SIZE,
    "layers": OneOf((1, 2, 3)),
    "max_length": OneOf((20, 50, 100, 200)),
    "dropout": OneOf((0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
    "learning_rate": Between(0.0003, 0.005),
}
_GENERATIVE: Space = {
    "layers": OneOf((1, 2, 4)),
    "max_length": OneOf((10, 20, 50)),
    "dropout": OneOf((0.0, 0.1, 0.2, 0.3)),
    "learning_rate": Between(0.0005, 0.01),
}

SPACES: Mapping[str, Space] = {
    "popularity": {},
    "itemknn": {
        "neighbours": OneOf((20, 50, 100, 200, 500)),
        "shrinkage": Between(0.01, 20),
    },
    "ease": {"l2": Between(2, 2000)},
    "svd": {"embedding_size": OneOf((16, 32, 64, 128, 256))},
    "ials": {
        "embedding_size": _SIZE,
        "regularization": Between(1, 200),
        "alpha": Between(1, 50),
    },
    "mf": _BPR,
    "lightgcn": _GRAPH,
    # The papers' weights of the contrast are 0.5 (SimGCL) and 0.2 (XSimGCL).
    "simgcl": _CONTRAST | {"contrast": OneOf((0.01, 0.03, 0.1, 0.2, 0.5, 1.0))},
    "xsimgcl": _CONTRAST | {"contrast": OneOf((0.01, 0.03, 0.1, 0.2, 0.5))},
    "ncl": {
        "learning_rate": _RATE,
        "l2": OneOf((0.0, 0.001, 0.005, 0.02)),
        "temperature": Between(0.03, 0.3),
        "structure": Between(1e-6, 0.01),
        "prototypes": Between(1e-7, 0.001),
    },
    "sasrec": _SEQUENTIAL,
    "bert4rec": _SEQUENTIAL | {"masked": OneOf((0.2, 0.3, 0.5, 0.6))},
    "cl4srec": _SEQUENTIAL | {"contrast": OneOf((0.03, 0.1, 0.2, 0.5))},
    "lm": {
        "embedding_size": OneOf((32, 64, 128)),
        "layers": OneOf((1, 2, 3)),
        "dropout": OneOf((0.2, 0.3, 0.4, 0.5, 0.6)),
        "learning_rate": Between(0.0005, 0.005),
    },
    "p5": _GENERATIVE,
    "cid": _GENERATIVE,
}
"""By recommender and key of its section; a setting that is not named keeps its value."""


def search_space(recommender: str, section: RecommenderConfig) -> Space:
    """The recommender's own, made wider where `section` has a value outside of it, and without
    values that do not go together with the rest of `section`; of one of the user's own what
    `section` says."""
    if isinstance(section, OwnConfig):
        return {key: _kind(section.settings[key], ends) for key, ends in section.search.items()}
    space: Space = {}
    for key, kind in SPACES[recommender].items():
        own = getattr(section, key)
        if isinstance(kind, OneOf):
            values = sorted({own, *kind.values})
            space[key] = OneOf(tuple(v for v in values if _is_valid(section, {key: v})))
        else:
            space[key] = type(kind)(min(kind.low, own), max(kind.high, own))
    return space


def values_of(section: RecommenderConfig) -> dict[str, Value]:
    """The settings by key, as JSON has them."""
    if isinstance(section, OwnConfig):
        return dict(section.settings)
    return section.model_dump(mode="json")


def with_values(section: RecommenderConfig, values: Mapping[str, Value]) -> RecommenderConfig:
    """The section with other values of some settings, checked as if it stood in `params.yaml`."""
    changes: Mapping[str, object] = values
    if isinstance(section, OwnConfig):
        changes = {"settings": section.settings | dict(values)}
    return type(section).model_validate(section.model_dump() | dict(changes))


def _kind(own: Value, values: Sequence[Value]) -> OneOf | Between | Whole:
    if not is_range(values):
        return OneOf(tuple(values))
    low, high = values
    if all(isinstance(value, int) for value in (own, low, high)):
        return Whole(int(low), int(high))
    return Between(float(low), float(high))


def _is_valid(section: RecommenderConfig, values: Mapping[str, Value]) -> bool:
    try:
        with_values(section, values)
    except ValidationError:
        return False
    return True
