"""When the training of a base model ends, and with which weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.base_model import new_compact_model
from llm4idrec.language_model.early_stopping import Stopping, train_until_best
from llm4idrec.language_model.list_batches import ListBatches, ListTokens
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from tests.llm4idrec.conftest import BASE

LISTS = ListsConfig()


def train(
    blocks: Interactions, scores: list[float], folder: Path, **changes: int
) -> tuple[Stopping, dict[str, Tensor], ListTraining]:
    """With what the scores of its epochs are said to be, and the weights that it leaves."""
    config: BaseModelConfig = BASE.model_copy(update={"batch_tokens": 40, "patience": 2} | changes)
    encoder = PromptEncoder(compact_tokenizer(0, blocks.n_items))
    tokens = ListTokens(encoder, LISTS, n_users=blocks.n_users, n_items=blocks.n_items)
    model = new_compact_model(blocks, encoder, config, users=False, seed=1)
    batches = ListBatches(blocks, tokens, config, lists=LISTS, seed=1)
    training = ListTraining(model, batches, config, seed=1)
    told = iter(scores)
    stopping = train_until_best(training, lambda: next(told), config, folder=folder)
    return stopping, training.copy_weights(), training


@pytest.mark.parametrize(
    ("scores", "patience", "best", "done"),
    [
        ([0.1, 0.3, 0.2, 0.2, 0.9], 2, 2, 4),
        ([0.1, 0.3, 0.2, 0.2, 0.9, 0.1], 3, 5, 6),  # max_epochs
        ([0.3, 0.3, 0.3], 2, 1, 3),
    ],
)
def test_it_ends_when_nothing_got_better(
    blocks: Interactions, tmp_path: Path, scores: list[float], patience: int, best: int, done: int
) -> None:
    changes = {"patience": patience, "max_epochs": 6}
    stopping, weights, training = train(blocks, scores, tmp_path, **changes)
    assert (stopping.best, training.epochs) == (best, done)
    other = tmp_path / "other"
    other.mkdir()
    _, wanted, _ = train(blocks, [float(n) for n in range(best)], other, max_epochs=best)
    assert all(torch.equal(weights[name], wanted[name]) for name in weights)


def test_the_history_says_when_it_was_looked_at(blocks: Interactions, tmp_path: Path) -> None:
    stopping, _, training = train(blocks, [0.1, 0.3, 0.2, 0.2], tmp_path)
    table = stopping.history(training)
    looked = [row for row in table.to_pylist() if row["tail_ndcg"] is not None]
    size = len(table) // 4
    assert [row["step"] for row in looked] == [size - 1, 2 * size - 1, 3 * size - 1, 4 * size - 1]
    assert [row["tail_ndcg"] for row in looked] == [0.1, 0.3, 0.2, 0.2]
    assert stopping.loss(training) == pytest.approx(sum(training.losses[size : 2 * size]) / size)
