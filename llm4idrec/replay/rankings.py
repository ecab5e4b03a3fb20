"""What each line would have shown to everybody when a window began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from llm4idrec.artifacts import GENERATIONS
from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.filtering import filter_candidates
from llm4idrec.augmentation.merging import generated_pairs, with_relative_ranks
from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import Config
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.data import Audience
from llm4idrec.evaluation.source_rankings import read_ranking
from llm4idrec.recommenders.registry import new_recommender
from llm4idrec.replay.lines import ALONE
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.threads import fixed_threads


def rankings(
    known: Interactions, generators: Mapping[str, Path], config: Config
) -> Iterator[tuple[str, IntArray]]:
    """The name of each line and the best items of all users, (n_users, k): the recommender that is
    served, on what is known; on that and the items of each of `generators`; and each by itself.

    `generators` are folders of `Generators`, by name; `config` has one recommender.
    """
    k = max(config.evaluation.cutoffs)
    with fixed_threads(1):
        yield ORIGINAL, _served(known, known, config)
        for name, folder in generators.items():
            yield name, _served(known, _augmented(known, folder, config), config)
            audience = Audience(np.arange(known.n_users, dtype=np.int32), known)
            yield name + ALONE, read_ranking(folder, LANGUAGE_MODEL, audience, k=k)


def _served(known: Interactions, train: Interactions, config: Config) -> IntArray:
    (name,) = config.recommenders
    device = choose_device(config.device).type
    recommender = new_recommender(
        name, config.settings(name), seed=config.seed, nth=0, device=device
    )
    recommender.fit(train)
    users = np.arange(known.n_users, dtype=np.int32)
    return recommender.recommend(users, max(config.evaluation.cutoffs), known, history=train)


def _augmented(known: Interactions, folder: Path, config: Config) -> Interactions:
    amount = config.replay.amount
    changes = {"max_ratio": amount, "popularity_exponents": (0.0,)}
    rule = config.filter.model_copy(update=changes)
    accepted, _ = filter_candidates(read_generations(folder / GENERATIONS.name), known, rule)
    added = generated_pairs(with_relative_ranks(accepted, known), Augmentation(amount))
    return place_generated(known, *added, placement=config.evaluation.placement)
