"""Rule 3: the ranking is of the whole catalogue; epoch, thresholds and amounts are chosen on
validation, never on test.

Another test set must leave every choice, and every byte that follows from one, as it was.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from llm4idrec.artifacts import TUNING, TUNING_PAGE
from llm4idrec.config.recommenders import PopularityConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.metrics.ranking import user_metrics
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.stages import tune
from tests.evidence.augmenting import Flow
from tests.llm4idrec.two_tastes import BLOCK, EVALUATION, ITEMS, write_ease, write_files


def other_test_set(file: Path) -> None:
    """Every user now takes what the other half of the users likes."""
    test = Interactions.read(file)
    other = np.where(test.item < ITEMS, (test.item + BLOCK) % ITEMS, test.item)
    Interactions(test.user, other, test.n_users, test.n_items).write(file)


@pytest.mark.slow
@pytest.mark.parametrize("refit", [False, True])
def test_the_test_set_shapes_no_choice(refit: bool, tmp_path: Path) -> None:
    files = write_files(tmp_path)
    write_ease(files)
    evaluation = EVALUATION.model_copy(update={"refit": refit})
    before = files.evaluate(evaluation, controls=("random", "self"))
    other_test_set(files.heldout / "test.parquet")
    after = files.beside("other").evaluate(evaluation, controls=("random", "self"))
    chosen = ["selection.json", "validation.parquet", "history.parquet"]
    chosen += [f"models/{variant}/model.safetensors" for variant in ("original", "language_model")]
    for name in chosen:
        assert (after / name).read_bytes() == (before / name).read_bytes(), name
    measured = [(folder / "per_user.parquet").read_bytes() for folder in (before, after)]
    assert measured[0] != measured[1]


def test_the_filter_is_tuned_without_the_test_set(flow: Flow, tmp_path: Path) -> None:
    """What the first trial, which adds nothing, is worth is what the validation set says."""
    search = flow.config.tune.model_copy(update={"trials": 2, "workers": 1})
    config = flow.config.only("popularity").model_copy(update={"tune": search})
    files = tune.STAGE.files(config, flow.at) | {
        TUNING: tmp_path / "tuning",
        TUNING_PAGE: tmp_path / "page.html",
    }
    tune.STAGE.run(files, config)
    trials = pq.read_table(tmp_path / "tuning" / "trials.parquet").to_pylist()
    valid = Interactions.read(flow.at / "heldout" / "valid.parquet")
    train = Interactions.read(flow.at / "train" / "interactions.parquet")
    popular = Popularity(PopularityConfig())
    popular.learn(train)
    users = np.unique(valid.user).astype(np.int32)
    ranked = popular.recommend(users, 5, train)
    assert trials[0]["value"] == user_metrics(ranked, users, valid, cutoffs=[5])["ndcg_at_5"].mean()


def test_every_item_of_the_catalogue_is_ranked() -> None:
    """A held-out item that nobody takes comes last of all that are unseen, not of a sample."""
    n_items, last = 500, 499
    counts = np.arange(n_items, 0, -1)
    user, item = (
        np.repeat(np.arange(n_items, dtype=np.int32), counts),
        np.concatenate([np.arange(n, dtype=np.int32) for n in counts]),
    )
    train = Interactions(user, item, n_items, n_items)
    held = np.array([n_items - 1], np.int32), np.array([last], np.int32)
    heldout = Interactions(*held, n_items, n_items)
    popular = Popularity(PopularityConfig())
    popular.learn(train)
    users = np.array([n_items - 1], np.int32)
    ranked = popular.recommend(users, n_items, train)
    metrics = user_metrics(ranked, users, heldout, cutoffs=[n_items])
    assert metrics[f"mrr_at_{n_items}"] == 1 / (n_items - train.history_lengths[users[0]])
