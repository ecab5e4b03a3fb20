"""How often a recommender is trained in a run, and how long one training takes."""

from __future__ import annotations

import math
from collections.abc import Callable

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, is_drawn, source_of
from llm4idrec.config import Config
from llm4idrec.survey.sizes import Sizes

_BOTH_WAYS = 1.2
"""The race tries the first amount in every order, and some once more with another seed."""
_GOES_ON = 0.3
"""Share of the arms for which the next amount is tried."""
_CHOSEN = 0.6
"""Share of the arms for which validation chooses some amount: the others are the original."""


def arms(config: Config, sizes: Sizes) -> list[str]:
    """The language model and the controls that suit the data."""
    return [
        arm for arm in (LANGUAGE_MODEL, *config.controls) if source_of(arm) not in sizes.left_out
    ]


def trainings(config: Config, name: str, sizes: Sizes) -> int:
    """About how many trainings the evaluation of a recommender takes; how the race of amounts goes
    decides."""
    ours, evaluation = arms(config, sizes), config.evaluation
    seeded, amounts = config.settings(name).is_seeded, len(evaluation.amounts)
    tried = len(config.filter.popularity_exponents) * _BOTH_WAYS * (1 + _GOES_ON * (amounts - 1))
    chosen = evaluation.selection_seeds if seeded else 1
    selection = chosen + (len(ours) * tried if amounts else 0)
    seeds = evaluation.seeds if seeded else 1
    drawn = evaluation.seeds if seeded else min(config.replicates.runs, evaluation.seeds)
    test = seeds + _CHOSEN * sum(drawn if is_drawn(arm) else seeds for arm in ours)
    return round(selection + test)


def seconds_of_one(config: Config, name: str, sizes: Sizes) -> float | None:
    """CPU seconds of one training with its ranking; None where that was never measured.

    Fitted by hand to runs on six data sets of 20,000 to 97,000 pairs (`docs/experiments`).
    """
    measured = _MEASURED.get(name)
    return None if measured is None else measured(config, sizes)


def _ranking(sizes: Sizes) -> float:
    return 0.1 + 6e-5 * sizes.users + 2e-8 * sizes.users * sizes.items


def _popularity(_config: Config, sizes: Sizes) -> float:
    return _ranking(sizes)


def _itemknn(_config: Config, sizes: Sizes) -> float:
    return _ranking(sizes) + 1e-4 * sizes.users + 2.5e-6 * sizes.known


def _ease(_config: Config, sizes: Sizes) -> float:
    return _ranking(sizes) + 1.2e-11 * sizes.items**3 + 8e-10 * sizes.known * sizes.items


def _svd(config: Config, sizes: Sizes) -> float:
    return _ranking(sizes) + 0.2 + 6e-8 * sizes.known * config.svd.embedding_size


def _ials(config: Config, sizes: Sizes) -> float:
    a_pass = 3e-6 * (sizes.users + sizes.items) + 1.3e-7 * sizes.known
    return _ranking(sizes) + config.ials.iterations * a_pass * config.ials.embedding_size / 128


def _mf(_config: Config, sizes: Sizes) -> float:
    """It ranks all users every few epochs, to see whether to go on."""
    return 0.8 + 2.5e-5 * sizes.known + 1.3e-7 * sizes.users * sizes.items


def _lightgcn(config: Config, sizes: Sizes) -> float:
    """Each batch goes once over the whole graph."""
    batches = sizes.known / config.lightgcn.batch_size
    a_pass = 1.5e-7 * sizes.known * config.lightgcn.layers
    return _mf(config, sizes) + 20 * max(1, batches) * a_pass


def _sasrec(_config: Config, sizes: Sizes) -> float:
    return 12 + 5e-4 * sizes.known


def language_model(config: Config, sizes: Sizes) -> float:
    """CPU seconds of one training of the compact model, with the search for its epochs."""
    model = config.base_model
    passes = 17 * math.sqrt(70_000 / sizes.known)
    passes = min(max(passes, 6), 2 * model.max_epochs)
    wide = model.hidden_size * model.layers / 128
    a_token = 17e-6 * wide + 3.3e-9 * min(sizes.items, model.negatives) * model.hidden_size / 64
    return 5 + passes * sizes.known * a_token


_MEASURED: dict[str, Callable[[Config, Sizes], float]] = {
    "popularity": _popularity,
    "itemknn": _itemknn,
    "ease": _ease,
    "svd": _svd,
    "ials": _ials,
    "mf": _mf,
    "lightgcn": _lightgcn,
    "sasrec": _sasrec,
    "lm": language_model,
}
