import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import ListsConfig, PromptsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.language_model.prompts import (
    PROMPTS,
    Kind,
    Prompt,
    build_prompts,
    parse_item,
    parse_items,
    parse_prompt,
)
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.some_prompts import prompts, row

NAMED = ListsConfig(users=True, words=True)


@st.composite
def trains(draw: st.DrawFn) -> Interactions:
    """A few users with up to ten items, in time order."""
    histories = draw(st.lists(st.lists(st.integers(0, 19), unique=True, max_size=10), max_size=6))
    pairs = [(user, item) for user, history in enumerate(histories) for item in history]
    user, item = np.array(pairs, np.int32).reshape(-1, 2).T
    return interactions(user, item, (len(histories), 20), timestamp=np.arange(len(pairs)))


configs = st.builds(
    PromptsConfig,
    per_user=st.integers(1, 6),
    fully_share=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    subset_length=st.integers(2, 6),
)
shown = st.builds(
    ListsConfig,
    order=st.sampled_from(["shuffled", "time"]),
    users=st.booleans(),
    words=st.booleans(),
)


def built(
    train: Interactions, config: PromptsConfig, lists: ListsConfig, seed: int
) -> list[Prompt]:
    rows = pa.concat_tables(
        [PROMPTS.empty_table(), *build_prompts(train, config, lists, seed=seed)]
    ).to_pylist()
    parsed = [parse_prompt(r["prompt"], r["answer"], r["kind"]) for r in rows]
    found = [prompt for prompt in parsed if prompt is not None]
    assert [row(prompt) for prompt in found] == rows
    return found


def one_by_one(
    train: Interactions, config: PromptsConfig, lists: ListsConfig, seed: int
) -> list[Prompt]:
    """The rule as it is told, prompt by prompt."""
    plain: list[Prompt] = []
    for user in range(train.n_users):
        random, items = np.random.default_rng((seed, user)), train.items_of(user).tolist()
        for number in range(config.per_user if len(items) >= 3 else 0):
            fully = number < round(config.per_user * config.fully_share)
            size = len(items) if fully else min(config.subset_length, len(items))
            if lists.order == "time":
                start = random.integers(len(items) - size + 1)
                part = items[start : start + size]
            else:
                part = random.permutation(np.array(items, np.int32))[:size].tolist()
            cut = random.integers(1, size)
            named = user if lists.users else None
            kind: Kind = "fully" if fully else "randomly"
            plain.append(Prompt(named, kind, tuple(part[:cut]), tuple(part[cut:]), lists.words))
    return plain


def test_the_text_is_the_authors_template() -> None:
    prompt = Prompt(12, "fully", (34, 56), (7,), words=True)
    assert prompt.question_text == (
        "Given the user(u12)'s clicked list items:i34,i56, predict what is the list items to "
        "recommend to the user(u12). Please only answer the item IDs."
    )
    assert prompt.answer_text == "i7"


def test_the_user_may_stay_unnamed_and_the_words_out() -> None:
    assert Prompt(None, "fully", (34,), (7,), words=True).question_text == (
        "Given the user's clicked list items:i34, predict what is the list items to "
        "recommend to the user. Please only answer the item IDs."
    )
    assert Prompt(12, "fully", (34, 56), (7,)).question_text == "u12:i34,i56,"
    assert Prompt(None, "fully", (34, 56), (7,)).question_text == "i34,i56,"


@given(prompts)
def test_text_parses_back_exactly(prompt: Prompt) -> None:
    assert parse_prompt(prompt.question_text, prompt.answer_text, prompt.kind) == prompt


@given(trains(), configs, shown, st.integers(0, 2**32))
def test_prompts_are_those_of_the_rule(
    train: Interactions, config: PromptsConfig, lists: ListsConfig, seed: int
) -> None:
    assert built(train, config, lists, seed) == one_by_one(train, config, lists, seed)


def test_where_tables_end_leaves_no_trace(
    blocks: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    (whole,) = build_prompts(blocks, config, NAMED, seed=1)
    monkeypatch.setattr("llm4idrec.language_model.prompts._ITEMS_A_TABLE", 40)
    parts = list(build_prompts(blocks, config, NAMED, seed=1))
    assert max(map(len, parts)) <= 2 * 3  # of three users, who have 16 items in theirs
    assert pa.concat_tables(parts).equals(whole)


@given(prompts)
def test_a_shortened_prompt_keeps_what_is_next_to_the_cut(prompt: Prompt) -> None:
    history, answer = prompt.history[-2:], prompt.answer[:3]
    short = prompt.shortened(len(history), len(answer))
    assert short == dataclasses.replace(prompt, history=history, answer=answer)


@pytest.mark.parametrize("text", ["", "34", "i", "i034", "i-3", "i3 ", "u3", "i³", "i9999999999"])
def test_only_a_whole_item_parses(text: str) -> None:
    assert parse_item(text) is None


def test_a_list_with_one_bad_item_does_not_parse() -> None:
    assert parse_items("i1,i2") == (1, 2)
    assert parse_items("i1,,i2") is None


def test_two_different_users_in_one_prompt_do_not_parse() -> None:
    question = Prompt(12, "fully", (1,), (2,), words=True).question_text
    assert parse_prompt(question.replace("u12", "u13", 1), "i2", "fully") is None


def test_fully_covers_the_list_and_randomly_a_subset(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=10, fully_share=0.3, subset_length=5)
    found = built(blocks, config, NAMED, seed=1)
    assert len(found) == 10 * 11
    for prompt in found:
        together = prompt.history + prompt.answer
        assert prompt.history
        assert prompt.answer
        assert len(set(together)) == len(together) == (8 if prompt.kind == "fully" else 5)
        assert prompt.user is not None
        assert set(together) <= set(blocks.items_of(prompt.user).tolist())
    assert sum(p.kind == "fully" for p in found if p.user == 0) == 3


def test_users_with_fewer_than_three_items_are_left_out() -> None:
    train = interactions([0, 0, 1, 1, 1], [0, 1, 0, 1, 2], (2, 3))
    config = PromptsConfig(per_user=2, fully_share=1, subset_length=5)
    assert {prompt.user for prompt in built(train, config, NAMED, seed=1)} == {1}


def test_prompts_name_no_user_unless_asked_to(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    named = built(blocks, config, NAMED, 1)
    unnamed = built(blocks, config, ListsConfig(words=True), 1)
    assert {prompt.user for prompt in named} == set(range(11))
    assert unnamed == [dataclasses.replace(prompt, user=None) for prompt in named]


def test_in_time_order_every_part_is_a_stretch_of_the_list() -> None:
    items = np.array([7, 3, 9, 0, 5, 2])
    train = interactions(np.zeros(6), items, (1, 10), timestamp=np.arange(6))
    config = PromptsConfig(per_user=20, fully_share=0.5, subset_length=3)
    found = built(train, config, ListsConfig(order="time"), seed=1)
    parts = [(p.kind, p.history + p.answer) for p in found]
    assert {part for kind, part in parts if kind == "fully"} == {tuple(items.tolist())}
    stretches = {tuple(items[start : start + 3].tolist()) for start in range(4)}
    assert {part for kind, part in parts if kind == "randomly"} == stretches


def test_time_order_without_a_time_is_refused(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    with pytest.raises(InputError, match=r"lists\.order is time, and the interactions have none"):
        build_prompts(blocks, config, ListsConfig(order="time"), seed=1)


def test_the_seed_decides(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    first, again, other = (built(blocks, config, NAMED, n) for n in (1, 1, 2))
    assert first == again != other
