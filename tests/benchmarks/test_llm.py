"""What both sides of the language model's benchmark are given, and how they are counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import authors
from benchmarks.llm_side import Job, generate, tune
from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.base_model import make_base_model
from tests.llm4idrec.spelling_model import write_spelling_model


@pytest.fixture(scope="module")
def train() -> Interactions:
    """Eight users with four of twelve items each."""
    user = np.repeat(np.arange(8, dtype=np.int32), 4)
    place = np.tile(np.arange(4, dtype=np.int32), 8)
    return Interactions(user, (user + 3 * place) % 12, 8, 12)


def test_every_list_is_cut_twenty_times(train: Interactions) -> None:
    prompts = authors.cut_lists(train, longest=3, seed=0)
    assert len(prompts) == 8 * 20
    for prompt in prompts:
        shown = prompt.history + prompt.answer
        assert len(shown) == 3
        assert prompt.history
        assert prompt.answer
        assert prompt.user is not None
        assert set(shown) <= set(train.items_of(prompt.user).tolist())


def test_accepted_are_distinct_unseen_items(train: Interactions) -> None:
    seen = train.items_of(0).tolist()[0]
    unseen = next(item for item in range(12) if item not in train.items_of(0))
    words = [f"i{seen}", f"i{unseen}", f"i{unseen}", "i12", "i012", "the"]
    assert authors.accepted({0: words, 1: ["u1"]}, train) == 1
    assert [word for word in words if not authors.is_item(word, train)] == ["i12", "i012", "the"]


@pytest.fixture
def job(train: Interactions, tmp_path: Path) -> Job:
    base = BaseModelConfig(kind="pretrained", name=str(write_spelling_model(tmp_path / "model")))
    train.write(tmp_path / "train.parquet")
    make_base_model(
        tmp_path / "train.parquet",
        tmp_path / "base",
        base,
        lists=ListsConfig(),
        seed=0,
        device="cpu",
    )
    return Job(
        train=str(tmp_path / "train.parquet"),
        valid=str(tmp_path / "train.parquet"),
        base_model=str(tmp_path / "base"),
        adapter=str(tmp_path / "adapter"),
        tuning={"preset": "paper", "precision": "float32", "batch_size": 8, "accumulation": 1},
        loop="ours",
        words=True,
        seconds=0.2,
        longest=3,
        users=4,
        items=3,
    )


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["authors", "ours"])
def test_either_loop_leaves_an_adapter_that_every_way_generates_with(loop: str, job: Job) -> None:
    job = replace(job, loop=loop)
    tuned = tune(job)
    assert tuned["prompts"] >= 8
    assert 0 < tuned["loss"] < 10
    ways = generate(job)
    assert set(ways) == {"authors", "sample", "next_item", "free text"}
    for name in ("sample", "next_item"):
        assert ways[name]["invalid"] == 0
        assert ways[name]["accepted"] == ways[name]["said"] == 4 * 3
