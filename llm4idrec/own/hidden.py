"""Whether a ranking was made by a program that hides the very items that were added."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, SELECTION, final
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation.arm_tables import read_pairs, replicate_file
from llm4idrec.evaluation.data import Audience

_FEW = 20
"""Items of which none may be ranked by chance."""


def hidden_additions(ranked: IntArray, audience: Audience, augmented: Path) -> str | None:
    """A sentence if not one of the items that the language model adds first is ranked, in one of
    the orders of candidates that an export may have.

    `ranked` is (users, k), of the audience; `augmented` is the folder of the stage `augment`.
    """
    for replicate in (SELECTION, final(0)):
        if not replicate_file(augmented, replicate).is_file():
            continue
        table = read_pairs(augmented, replicate, LANGUAGE_MODEL)
        for exponent in sorted(set(table["popularity_exponent"].to_pylist())):
            pairs = generated_pairs(table, Augmentation(math.inf, exponent))
            n, n_ranked = _first_ones(pairs, ranked, audience)
            if n >= _FEW and not n_ranked:
                return (
                    f"not one of the {n} items that the language model adds first (popularity "
                    f"discount {exponent:g}) is ranked for its user. If this was trained on "
                    "augmented data, the program has hidden what stands in its training file, "
                    "held-out items too, and the figures are too low: take its vectors, or a "
                    "ranking of all items"
                )
    return None


def _first_ones(
    pairs: tuple[IntArray, IntArray], ranked: IntArray, audience: Audience
) -> tuple[int, int]:
    """How many users' first item could be ranked, and how many are."""
    users, first = np.unique(pairs[0], return_index=True)
    items = pairs[1][first]
    new = np.isin(users, audience.users) & ~audience.seen.contains(users, items)
    rows = np.searchsorted(audience.users, users[new])
    return len(rows), int((ranked[rows] == items[new][:, None]).any(axis=1).sum())
