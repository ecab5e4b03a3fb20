from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from llm4idrec.config.recommenders import CIDConfig, P5Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.recommenders.generative.cid import CID
from llm4idrec.recommenders.generative.p5 import P5
from llm4idrec.recommenders.generative.recommender import Generative
from tests.llm4idrec.arrays import interactions

USERS, ITEMS, LENGTH = 36, 12, 5
SMALL: dict[str, Any] = {
    "embedding_size": 32,
    "layers": 1,
    "heads": 2,
    "dropout": 0.0,
    "learning_rate": 0.01,
    "batch_size": 9,
    "max_epochs": 40,
    "straightforward": 0.0,
    "beams": 5,
}
EVERYONE = np.arange(USERS, dtype=np.int32)


def cycle() -> Interactions:
    """User u takes the items u, u + 1, ... in this order, modulo the size of the catalogue."""
    item = (np.arange(USERS)[:, None] + np.arange(LENGTH)) % ITEMS
    time = np.tile(np.arange(LENGTH), USERS)
    return interactions(
        np.repeat(np.arange(USERS), LENGTH), item.ravel(), (USERS, ITEMS), timestamp=time
    )


def p5(**changes: Any) -> P5:
    return P5(P5Config(**SMALL | changes))


def cid(**changes: Any) -> CID:
    return CID(CIDConfig(**SMALL | {"clusters": 2, "leaf_size": 3} | changes))


@pytest.mark.parametrize(
    "recommender",
    [p5(), p5(indexing="random"), cid()],
    ids=["sequential", "random", "cid+iid"],
)
def test_learns_what_follows(recommender: Generative) -> None:
    recommender.fit(cycle())
    best = recommender.recommend(EVERYONE, 1, cycle())[:, 0]
    assert (best == (EVERYONE + LENGTH) % ITEMS).mean() > 0.8


def test_only_the_latest_items_are_read() -> None:
    """What lies further back only leaves the ranking, it does not change it."""
    recommender = cid(max_length=2, beams=ITEMS)
    recommender.fit(cycle(), epochs=2)
    late = np.tile(np.arange(LENGTH) >= LENGTH - 2, USERS)
    user, item, time = (column.to_numpy()[late] for column in cycle().table().columns)
    users = EVERYONE[: ITEMS - LENGTH]
    whole = recommender.recommend(users, ITEMS - LENGTH, cycle())
    ranked = recommender.recommend(
        users, ITEMS - 2, interactions(user, item, (USERS, ITEMS), timestamp=time)
    )
    for user, row in enumerate(ranked.tolist()):
        assert [i for i in row if i not in cycle().items_of(user)] == whole[user].tolist()


def test_more_beams_change_only_what_was_missed() -> None:
    """With as many beams as items the ranking is exact; wider changes nothing."""
    recommender = p5(beams=ITEMS)
    recommender.fit(cycle(), epochs=3)
    expected = recommender.recommend(EVERYONE, 5, cycle())
    state = recommender.state()
    wider = p5(beams=ITEMS + 20)
    wider.restore(state)
    assert (wider.recommend(EVERYONE, 5, cycle()) == expected).all()


@pytest.mark.parametrize("beams", [1, 3])
def test_rows_are_full_when_the_beams_end_short(beams: int) -> None:
    recommender = cid(beams=beams)
    recommender.fit(cycle(), epochs=2)
    items = recommender.recommend(EVERYONE, 6, cycle())
    assert (items >= 0).all()
    assert all(len(set(row)) == 6 for row in items.tolist())
    assert not cycle().contains(EVERYONE[:, None], items).any()


def test_users_alone_tell_what_they_like() -> None:
    """Straightforward prompts show no history, as a user without one has it at ranking."""
    user, item = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    own = (item < ITEMS // 2) == (user < USERS // 2)
    train = interactions(user[own], item[own], (USERS, ITEMS), timestamp=np.arange(own.sum()))
    recommender = p5(straightforward=0.9, max_epochs=30)
    recommender.fit(train)
    nothing = interactions([], [], (USERS, ITEMS))
    ranked = recommender.recommend(EVERYONE, 5, nothing)
    assert ((ranked < ITEMS // 2) == (EVERYONE[:, None] < USERS // 2)).mean() > 0.9


def test_no_time_is_an_error() -> None:
    train = cycle()
    with pytest.raises(InputError, match="no time"):
        cid().start(interactions(train.user, train.item, (USERS, ITEMS)))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValidationError, match="leaf_size"):
        CIDConfig(clusters=9, leaf_size=8)
    with pytest.raises(ValidationError, match="heads"):
        P5Config(embedding_size=10, heads=4)


def tiny_t5(folder: Path) -> None:
    """A T5 as a hub would have it, with its own tokenizer: a token a digit, and an end token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    words = ["<pad>", "</s>", "<unk>", *"0123456789", "user_", "items", "What"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(words),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        dropout_rate=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        T5ForConditionalGeneration(config).save_pretrained(folder)


@pytest.mark.parametrize("make", [p5, cid], ids=["p5", "cid"])
def test_a_pretrained_t5(make: Any, tmp_path: Path) -> None:
    tiny_t5(tmp_path / "t5")
    recommender = make(name=str(tmp_path / "t5"), evaluate_every=1, max_epochs=20)
    records = recommender.fit(cycle()).records
    assert records[-1].loss < 0.9 * records[0].loss
    expected = recommender.recommend(EVERYONE, 3, cycle())

    recommender.save(tmp_path / "saved")
    loaded = type(recommender).load(tmp_path / "saved")

    assert (loaded.recommend(EVERYONE, 3, cycle()) == expected).all()


def test_pretrained_weights_are_where_training_starts(tmp_path: Path) -> None:
    from transformers import T5ForConditionalGeneration

    tiny_t5(tmp_path)
    recommender = p5(name=str(tmp_path))
    recommender.start(cycle())
    weights = T5ForConditionalGeneration.from_pretrained(tmp_path).state_dict()
    state = recommender.state()
    name = "encoder.block.0.layer.0.SelfAttention.q.weight"
    assert torch.equal(state[f"model.t5.{name}"], weights[name])
    assert torch.equal(state["model.t5.shared.weight"][:13], weights["shared.weight"][:13])


def test_a_t5_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        p5(name=str(tmp_path)).start(cycle())
