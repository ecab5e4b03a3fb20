"""A small shop, and settings for a look that takes seconds: for examples, not for verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

SMALL: dict[str, Any] = {
    "threads": 1,
    "data": {"k_core": 2},
    "base_model": {"hidden_size": 16, "layers": 1, "heads": 2, "max_epochs": 3},
    "prompts": {"per_user": 4},
    "adapter": {"rank": 2, "steps": 4},
    "generation": {"views": 2, "items": 20},
    "replicates": {"runs": 1, "workers": 1},
    "controls": ["svd", "random"],
    "tune_recommenders": {"names": []},
    "evaluation": {"seeds": 2, "selection_seeds": 1, "workers": 1},
}
"""A tiny language model, trained once, two controls, and no search for settings."""


def shop() -> pa.Table:
    """60 customers, each of whom buys 10 of the 20 articles of one of two tastes.

    Columns: `customer` (text), `article` (whole number), `bought_at` (time).
    """
    draw = np.random.default_rng(0)
    customer, article = [], []
    for number in range(60):
        taste = 20 * (number % 2)
        customer += [f"c{number}"] * 10
        article += (taste + draw.permutation(20)[:10]).tolist()
    seconds = pa.array(draw.permutation(len(customer)).astype("datetime64[s]"))
    return pa.table({"customer": customer, "article": article, "bought_at": seconds})
