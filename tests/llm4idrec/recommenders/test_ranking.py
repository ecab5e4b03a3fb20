"""Full ranking against a sort."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.interactions import Interactions
from llm4idrec.recommenders.ranking import rank_scores, top_items


@given(st.integers(1, 5), st.integers(1, 1500), st.integers(1, 30), st.integers(0, 99))
def test_top_items_are_those_of_a_sort(rows: int, columns: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(rows, columns, generator=generator)
    scores[torch.rand(rows, columns, generator=generator) < 0.3] = -torch.inf
    k = min(k, columns)
    values, places = top_items(scores, k)
    assert torch.equal(values, scores.sort(descending=True).values[:, :k])
    assert torch.equal(scores.gather(1, places), values)
    assert all(len(set(row)) == k for row in places.tolist())


def test_chunks_of_users_do_not_show() -> None:
    """4,000 items: a chunk holds 262 users."""
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.random((600, 4000), np.float32))
    seen = Interactions(np.arange(600), rng.integers(0, 4000, 600), 600, 4000)
    users = rng.permutation(600).astype(np.int32)

    ranked = rank_scores(lambda chunk: table[chunk], users, 7, seen, 4000)

    left = table.numpy().copy()
    left[seen.user, seen.item] = -1
    assert (ranked == np.argsort(-left[users], axis=1)[:, :7]).all()
