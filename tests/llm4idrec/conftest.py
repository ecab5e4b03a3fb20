"""A small train set with two kinds of users, and models tuned on it once a session."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm4idrec.config import (
    AdapterConfig,
    BaseModelConfig,
    GenerationConfig,
    ListsConfig,
    PromptsConfig,
)
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model import causal_training
from llm4idrec.language_model.adapter import tune_adapter
from llm4idrec.language_model.base_model import make_base_model
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.language_model.prompt_files import write_prompts
from llm4idrec.language_model.prompts import build_prompts
from tests.llm4idrec.two_tastes import Files, write_files

N_USERS, N_ITEMS = 12, 20

BASE = BaseModelConfig(
    kind="compact",
    hidden_size=16,
    layers=1,
    heads=2,
    max_epochs=60,
    patience=60,
    dropout=0.2,
    learning_rate=1e-2,
)
ADAPTER = AdapterConfig.model_validate(
    {
        "rank": 4,
        "alpha": 16,
        "dropout": 0.0,
        "target_modules": ("q_proj", "v_proj"),
        "loss_on": "answer",
        "steps": 12,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "max_length": 64,
        "checkpoint_every": 5,
    }
)
GENERATION = GenerationConfig(
    method="sample", views=3, items=4, history=8, batch_size=5, shard_users=4
)
LISTS = ListsConfig(users=True, words=True)
UNNAMED = ListsConfig(users=False, words=False)
PROMPTS = PromptsConfig(per_user=4, fully_share=0.5, subset_length=4)


@pytest.fixture(scope="session")
def blocks() -> Interactions:
    """Even users take 8 of the even items, odd users 8 of the odd ones; user 11 takes none."""
    return in_blocks(N_USERS)


def in_blocks(n_users: int) -> Interactions:
    """As `blocks`; the last user takes none."""
    random = np.random.default_rng(0)
    pairs = [
        (user, item)
        for user in range(n_users - 1)
        for item in random.permutation(np.arange(user % 2, N_ITEMS, 2))[:8]
    ]
    user, item = np.array(pairs).T
    return Interactions(user, item, n_users, N_ITEMS)


@pytest.fixture
def killed_at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Makes the so many-th step of language-model training raise; the steps begun are listed."""
    real, learn = causal_training._backward, ListTraining._learn

    def arm(number: int) -> list[int]:
        steps: list[int] = []

        def begin(place: int) -> None:
            steps.append(place)
            if len(steps) == number:
                raise KeyboardInterrupt

        def of_adapter(model: Any, batches: Any, place: int, **rest: Any) -> float:
            begin(place)
            return real(model, batches, place, **rest)

        def of_base(training: ListTraining, *batch: Any) -> float:
            begin(len(training.losses))
            return learn(training, *batch)

        monkeypatch.setattr(causal_training, "_backward", of_adapter)
        monkeypatch.setattr(ListTraining, "_learn", of_base)
        return steps

    return arm


@dataclass(frozen=True)
class Tuned:
    train: Path
    base_model: Path
    prompts: Path
    adapter: Path


@pytest.fixture(scope="session")
def tuned(blocks: Interactions, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Files of the train set, its base model, prompts and adapter."""
    return tune(blocks, BASE, LISTS, tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """The same of so many users, and stopped so early, that on any CPU the model has learnt what
    goes together and not the lists by heart, as that of `tuned` has, to which users are named."""
    early = BASE.model_copy(update={"max_epochs": 20})
    return tune(in_blocks(42), early, UNNAMED, tmp_path_factory.mktemp("learnt"))


def tune(train: Interactions, base: BaseModelConfig, lists: ListsConfig, root: Path) -> Tuned:
    files = Tuned(*(root / name for name in ("train.parquet", "base", "prompts.jsonl", "adapter")))
    train.write(files.train)
    make_base_model(files.train, files.base_model, base, lists=lists, seed=1, device="cpu")
    write_prompts(files.prompts, build_prompts(train, PROMPTS, lists, seed=1))
    tune_adapter(
        files.base_model, files.prompts, files.adapter, config=ADAPTER, seed=1, device="cpu"
    )
    return files


def written(folder: Path) -> dict[str, str]:
    """File names and contents."""
    return {path.name: path.read_bytes().decode() for path in folder.iterdir()}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)
