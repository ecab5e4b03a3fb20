"""What is held out of a base model's training, and how well it is ranked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from llm4idrec.config import ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.base_model import make_base_model, new_compact_model
from llm4idrec.language_model.list_batches import ListTokens
from llm4idrec.language_model.tail import CUTOFF, Tail
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.conftest import BASE

IN_TIME, SHUFFLED = ListsConfig(order="time"), ListsConfig(order="shuffled")
N_ITEMS = 40


def lists(seed: int, n_users: int = 30) -> Interactions:
    """Users with 0 to 25 items, in time."""
    draw = np.random.default_rng(seed)
    taken = [draw.permutation(N_ITEMS)[: draw.integers(26)] for _ in range(n_users)]
    user = np.repeat(np.arange(n_users), [len(items) for items in taken])
    return interactions(
        user, np.concatenate(taken), (n_users, N_ITEMS), timestamp=np.arange(len(user))
    )


@settings(max_examples=30)
@given(st.integers(0, 2**31 - 1), st.sampled_from([IN_TIME, SHUFFLED]))
def test_what_is_left_and_the_tail_are_the_whole(seed: int, order: ListsConfig) -> None:
    train = lists(seed)
    rest, tail = Tail.hold_out(train, order, seed)
    held = tail.heldout
    assert not rest.contains(held.user, held.item).any()
    assert len(rest) + len(held) == len(train)
    assert train.contains(held.user, held.item).all()
    assert tail.users.tolist() == np.flatnonzero(train.history_lengths >= 3).tolist()  # so few
    for user, history in zip(tail.users.tolist(), tail.histories, strict=True):
        n = len(train.items_of(user))
        assert len(held.items_of(user)) == max(1, round(n / 10))
        assert sorted(history) == sorted(rest.items_of(user))
        if order is IN_TIME:
            assert history.tolist() == train.items_of(user)[: len(history)].tolist()


def test_of_many_users_a_fifth_has_a_tail() -> None:
    user = np.repeat(np.arange(2000), 3)
    train = interactions(user, np.tile([0, 1, 2], 2000), (2000, 3), timestamp=np.arange(6000))
    _, tail = Tail.hold_out(train, IN_TIME, seed=1)
    assert len(tail.users) == len(set(tail.users.tolist())) == 400
    _, again = Tail.hold_out(train, IN_TIME, seed=1)
    assert (again.users == tail.users).all()


def test_the_ndcg_is_that_of_one_list_after_another() -> None:
    train = lists(3)
    rest, tail = Tail.hold_out(train, IN_TIME, seed=1)
    encoder = PromptEncoder(compact_tokenizer(0, N_ITEMS))
    tokens = ListTokens(encoder, IN_TIME, n_users=train.n_users, n_items=N_ITEMS)
    model = new_compact_model(rest, encoder, BASE, users=False, seed=1).eval()
    found = []
    for user in tail.users.tolist():
        shown = [*encoder.begin, *tokens.items[rest.items_of(user)].tolist()]
        with torch.no_grad():
            scores = model(torch.tensor([shown])).logits[0, -1, torch.from_numpy(tokens.items)]
        scores[torch.from_numpy(rest.items_of(user).astype(np.int64))] = -torch.inf
        best = scores.argsort(descending=True)[:CUTOFF].tolist()
        wanted = set(tail.heldout.items_of(user).tolist())
        gain = sum(1 / np.log2(place + 2) for place, item in enumerate(best) if item in wanted)
        found.append(gain / sum(1 / np.log2(place + 2) for place in range(len(wanted))))
    assert tail.ndcg(model, tokens, BASE.max_length) == pytest.approx(np.mean(found), rel=1e-5)


def test_nobody_with_three_items_is_no_fault() -> None:
    train = interactions([0, 1, 1], [0, 1, 2], (2, 3))
    rest, tail = Tail.hold_out(train, SHUFFLED, seed=1)
    assert rest == train
    assert len(tail.users) == 0


def test_the_tail_teaches_nothing(tmp_path: Path) -> None:
    """Other items in it leave the weights of a first epoch as they are."""
    train = lists(5)
    _, tail = Tail.hold_out(train, IN_TIME, seed=1)
    held = tail.heldout.contains(train.user, train.item)
    item = train.item.copy()
    for user in tail.users.tolist():
        mine = np.flatnonzero(held & (train.user == user))
        free = np.setdiff1d(np.arange(N_ITEMS), train.items_of(user))
        item[mine] = free[: len(mine)]
    other = Interactions(train.user, item, train.n_users, N_ITEMS, train.timestamp)
    assert other != train
    once = BASE.model_copy(update={"max_epochs": 1})
    for name, its in (("one", train), ("other", other)):
        its.write(tmp_path / f"{name}.parquet")
        make_base_model(
            tmp_path / f"{name}.parquet", tmp_path / name, once,
            lists=IN_TIME, seed=1, device="cpu",
        )  # fmt: skip
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "other"))
    assert all(torch.equal(one[name], two[name]) for name in one)
