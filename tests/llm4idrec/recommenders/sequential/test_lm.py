"""The compact language model as a recommender."""

from __future__ import annotations

import numpy as np
import pytest

from llm4idrec.config.recommenders import LMConfig
from llm4idrec.errors import InputError
from llm4idrec.recommenders.sequential.lm import LM
from llm4idrec.recommenders.validation import Validation
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.recommenders.sequential.test_base import ITEMS, USERS, cycle

SMALL = LMConfig(
    embedding_size=16, heads=2, layers=1, batch_size=128, learning_rate=0.01, dropout=0.0
)


def test_learns_what_comes_next() -> None:
    train = cycle()
    everyone = np.arange(USERS, dtype=np.int32)
    last = np.array([train.items_of(user)[-1] for user in range(USERS)])
    recommender = LM(SMALL)
    recommender.fit(train, epochs=60)
    first = recommender.recommend(everyone, 1, train)[:, 0]
    assert (first == (last + 1) % ITEMS).mean() > 0.9  # popularity would be right for 1 in 12


def test_what_is_ranked_is_what_is_kept() -> None:
    """The best epoch's mean of the weights, not where training went on to from there."""
    train = cycle()
    heldout = interactions(np.arange(USERS), np.zeros(USERS), (USERS, ITEMS))
    kept = ~train.contains(heldout.user, heldout.item)
    heldout = interactions(heldout.user[kept], heldout.item[kept], (USERS, ITEMS))
    validation = Validation(heldout, train, (5,), "ndcg_at_5")
    recommender = LM(SMALL.model_copy(update={"patience": 2}))
    training = recommender.fit(train, validation)
    assert training.best_epoch < len(training.records)
    assert validation.scores(recommender) == pytest.approx(training.scores)
    again = LM(SMALL)
    again.fit(train, epochs=training.best_epoch)
    everyone = np.arange(USERS, dtype=np.int32)
    ranked = (its.recommend(everyone, 5, train).tolist() for its in (recommender, again))
    assert next(ranked) == next(ranked)


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        LMConfig(embedding_size=10, heads=4)


def test_no_time_is_an_error() -> None:
    train = cycle()
    with pytest.raises(InputError, match="the interactions have no time"):
        LM(SMALL).fit(interactions(train.user, train.item, (USERS, ITEMS)))
