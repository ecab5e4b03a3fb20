from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.language_model.base_model import load_base_model, make_base_model
from llm4idrec.language_model.list_batches import ListBatches, ListTokens
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.runtime.files import content_hash
from tests.llm4idrec.conftest import BASE, Tuned

NAMED, UNNAMED = ListsConfig(users=True), ListsConfig()
SHORT = BASE.model_copy(update={"max_epochs": 6, "batch_tokens": 40})


def test_the_result_is_a_plain_model_folder(tuned: Tuned) -> None:
    model = AutoModelForCausalLM.from_pretrained(tuned.base_model)
    assert isinstance(model, LlamaForCausalLM)
    tokenizer = AutoTokenizer.from_pretrained(tuned.base_model)
    assert tokenizer.tokenize("u3 i1,i2") == ["u3", "i1", "i2"]
    assert not list(tuned.base_model.rglob("*.bin"))


def batches_of(
    train: Interactions, lists: ListsConfig, config: BaseModelConfig = SHORT
) -> tuple[ListBatches, dict[int, str]]:
    """And what token each number is."""
    users = train.n_users if lists.users else 0
    encoder = PromptEncoder(compact_tokenizer(users, train.n_items))
    tokens = ListTokens(encoder, lists, n_users=train.n_users, n_items=train.n_items)
    names = {number: token for token, number in encoder.tokenizer.get_vocab().items()}
    return ListBatches(train, tokens, config, lists=lists, seed=1), names


def test_an_epoch_shows_every_pair_once_in_a_new_order(blocks: Interactions) -> None:
    config = SHORT.model_copy(update={"max_length": 7})  # lists of 8 are cut into 4 + 4
    batches, names = batches_of(blocks, NAMED, config)

    def shown(epoch: int) -> list[tuple[str, str]]:
        rows = [row for batch in batches.epoch(epoch) for row in batch.input_ids.tolist()]
        texts = [[names[token] for token in row] for row in rows]
        return [(words[1], word) for words in texts for word in words[2:] if word[0] == "i"]

    expected = {(f"u{u}", f"i{i}") for u, i in zip(blocks.user, blocks.item, strict=True)}
    assert len(shown(0)) == len(blocks)
    assert set(shown(0)) == set(shown(1)) == expected
    assert shown(0) == shown(0) != shown(1)
    assert len(list(batches.epoch(0))) == len(batches)
    assert max(batch.input_ids.shape[1] for batch in batches.epoch(0)) == 7


def test_lists_without_users_begin_with_an_item(blocks: Interactions, tmp_path: Path) -> None:
    blocks.write(tmp_path / "train.parquet")
    config = SHORT.model_copy(update={"max_epochs": 1})
    make_base_model(
        tmp_path / "train.parquet", tmp_path / "out", config, lists=UNNAMED, seed=1, device="cpu"
    )
    _, tokenizer = load_base_model(tmp_path / "out", torch.device("cpu"))
    assert "u0" not in tokenizer.get_vocab()
    batches, names = batches_of(blocks, UNNAMED)
    batch = next(batches.epoch(0))
    words = [[names[token] for token in row] for row in batch.input_ids.tolist()]
    assert {(row[0], row[1][0]) for row in words} == {("<s>", "i")}
    assert (batch.labels[:, 1] == batch.input_ids[:, 1]).all()  # the first item is learnt too


def test_lists_in_time_order_stay_so() -> None:
    train = Interactions(
        np.array([0, 0, 0, 1, 1]), np.array([4, 0, 2, 3, 1]), 2, 5, np.array([1, 2, 3, 1, 2])
    )
    batches, names = batches_of(train, ListsConfig(order="time"))
    rows = [row for epoch in range(6) for b in batches.epoch(epoch) for row in b.input_ids.tolist()]
    shown = {" ".join(names[token] for token in row) for row in rows}
    assert {text.replace(" <pad>", "") for text in shown} == {
        "<s> i4 i0 i2 </s>",
        "<s> i3 i1 </s>",
    }


@pytest.mark.parametrize("negatives", [8, 8192])
def test_a_killed_training_ends_with_the_same_weights(
    negatives: int, tuned: Tuned, tmp_path: Path, killed_at_step: Callable[[int], list[int]]
) -> None:
    config = SHORT.model_copy(update={"negatives": negatives})
    make_base_model(tuned.train, tmp_path / "whole", config, lists=UNNAMED, seed=1, device="cpu")
    steps = killed_at_step(12)
    with pytest.raises(KeyboardInterrupt):
        make_base_model(tuned.train, tmp_path / "out", config, lists=UNNAMED, seed=1, device="cpu")
    assert not (tmp_path / "out").exists()
    make_base_model(tuned.train, tmp_path / "out", config, lists=UNNAMED, seed=1, device="cpu")
    assert 0 < steps[12] < 11  # from a checkpoint, not from the start
    assert content_hash(tmp_path / "out") == content_hash(tmp_path / "whole")


def test_another_seed_gives_another_model(tuned: Tuned, tmp_path: Path) -> None:
    for seed in (1, 2):
        make_base_model(
            tuned.train, tmp_path / str(seed), SHORT, lists=UNNAMED, seed=seed, device="cpu"
        )
    one, two = (AutoModelForCausalLM.from_pretrained(tmp_path / name).state_dict() for name in "12")
    assert any(not torch.equal(one[key], two[key]) for key in one)


def test_a_pretrained_model_is_kept_as_a_reference(tuned: Tuned, tmp_path: Path) -> None:
    config = BaseModelConfig(kind="pretrained", name=str(tuned.base_model))
    make_base_model(tuned.train, tmp_path / "out", config, lists=UNNAMED, seed=1, device="cpu")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["reference.json"]
    model, _ = load_base_model(tmp_path / "out", torch.device("cpu"))
    again = AutoModelForCausalLM.from_pretrained(tuned.base_model)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["no/such/model", "empty"])
def test_a_model_that_is_not_there_is_named(
    name: str, tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    config = BaseModelConfig(kind="pretrained", name=name)

    def make_and_load() -> None:
        make_base_model(tuned.train, tmp_path / "out", config, lists=UNNAMED, seed=1, device="cpu")
        load_base_model(tmp_path / "out", torch.device("cpu"))

    with pytest.raises(InputError, match=name):
        make_and_load()


def test_users_without_items_are_no_trouble() -> None:
    train = Interactions(np.array([1, 1, 1]), np.array([0, 1, 2]), 3, 4)
    batches, _ = batches_of(train, UNNAMED)
    assert len(next(batches.epoch(0)).input_ids) == 1
