"""Full ranking against a sort."""

from __future__ import annotations

import numpy as np
import torch

from llm4idrec.recommenders.ranking import rank_scores
from tests.llm4idrec.arrays import interactions


def test_chunks_of_users_do_not_show() -> None:
    """4,000 items: a chunk holds 262 users."""
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.random((600, 4000), np.float32))
    seen = interactions(np.arange(600), rng.integers(0, 4000, 600), (600, 4000))
    users = rng.permutation(600).astype(np.int32)

    ranked = rank_scores(lambda chunk: table[chunk], users, 7, seen=seen, n_items=4000)

    left = table.numpy().copy()
    left[seen.user, seen.item] = -1
    assert (ranked == np.argsort(-left[users], axis=1)[:, :7]).all()
