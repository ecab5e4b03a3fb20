import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import ListsConfig, PromptsConfig
from llm4idrec.errors import InputError
from llm4idrec.interactions import Interactions
from llm4idrec.prompts import (
    Prompt,
    build_prompts,
    parse_item,
    parse_items,
    parse_prompt,
    read_prompts,
    write_prompts,
)

NAMED = ListsConfig(users=True, words=True)
items = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).map(tuple)
prompts = st.builds(
    Prompt,
    st.none() | st.integers(0, 10**6),
    st.sampled_from(["fully", "randomly"]),
    items,
    items,
    st.booleans(),
)


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


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@given(written=st.lists(prompts, min_size=1, max_size=5))
def test_files_read_back_exactly(
    suffix: str, written: list[Prompt], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("prompts") / f"prompts.{suffix}"
    write_prompts(path, written)
    assert read_prompts(path) == written


@pytest.mark.parametrize("text", ["", "34", "i", "i034", "i-3", "i3 ", "u3", "i³", "i9999999999"])
def test_only_a_whole_item_parses(text: str) -> None:
    assert parse_item(text) is None


def test_a_list_with_one_bad_item_does_not_parse() -> None:
    assert parse_items("i1,i2") == (1, 2)
    assert parse_items("i1,,i2") is None


def test_two_different_users_in_one_prompt_do_not_parse() -> None:
    question = Prompt(12, "fully", (1,), (2,), words=True).question_text
    assert parse_prompt(question.replace("u12", "u13", 1), "i2", "fully") is None


@pytest.mark.parametrize(
    "line",
    ["", "[]", "not json", json.dumps({"prompt": "Hello", "answer": "i3", "kind": "fully"})],
)
def test_a_line_that_is_no_prompt_is_named(
    line: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bad") / "prompts.jsonl"
    write_prompts(path, [Prompt(1, "fully", (1,), (2,))])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"prompts\.jsonl"):
        read_prompts(path)


def test_fully_covers_the_list_and_randomly_a_subset(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=10, fully_share=0.3, subset_length=5)
    built = list(build_prompts(blocks, config, NAMED, seed=1))
    assert len(built) == 10 * 11
    for prompt in built:
        together = prompt.history + prompt.answer
        assert prompt.history
        assert prompt.answer
        assert len(set(together)) == len(together) == (8 if prompt.kind == "fully" else 5)
        assert prompt.user is not None
        assert set(together) <= set(blocks.items_of(prompt.user).tolist())
    assert sum(p.kind == "fully" for p in built if p.user == 0) == 3


def test_users_with_fewer_than_three_items_are_left_out() -> None:
    train = Interactions(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 2]), 2, 3)
    config = PromptsConfig(per_user=2, fully_share=1, subset_length=5)
    assert {prompt.user for prompt in build_prompts(train, config, NAMED, seed=1)} == {1}


def test_prompts_name_no_user_unless_asked_to(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    named = list(build_prompts(blocks, config, NAMED, 1))
    unnamed = list(build_prompts(blocks, config, ListsConfig(words=True), 1))
    assert {prompt.user for prompt in named} == set(range(11))
    assert unnamed == [dataclasses.replace(prompt, user=None) for prompt in named]


def test_in_time_order_every_part_is_a_stretch_of_the_list() -> None:
    items = np.array([7, 3, 9, 0, 5, 2])
    train = Interactions(np.zeros(6), items, 1, 10, np.arange(6))
    config = PromptsConfig(per_user=20, fully_share=0.5, subset_length=3)
    built = build_prompts(train, config, ListsConfig(order="time"), seed=1)
    shown = [(p.kind, p.history + p.answer) for p in built]
    assert {part for kind, part in shown if kind == "fully"} == {tuple(items.tolist())}
    stretches = {tuple(items[start : start + 3].tolist()) for start in range(4)}
    assert {part for kind, part in shown if kind == "randomly"} == stretches


def test_time_order_without_a_time_is_refused(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    with pytest.raises(InputError, match=r"lists\.order is time, and the interactions have none"):
        build_prompts(blocks, config, ListsConfig(order="time"), 1)


def test_the_seed_decides(blocks: Interactions) -> None:
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=5)
    first, again, other = (list(build_prompts(blocks, config, NAMED, n)) for n in (1, 1, 2))
    assert first == again != other
