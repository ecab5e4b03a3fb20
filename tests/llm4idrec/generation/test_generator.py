from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from llm4idrec.config import GenerationConfig, ListsConfig
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.errors import InputError
from llm4idrec.generation.generator import Generation, Generator, generate_candidates
from llm4idrec.generation.mentions import Mention, count_votes
from llm4idrec.generation.next_item import NextItems
from llm4idrec.language_model.adapter import load_tuned_model
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import content_hash, read_json
from tests.llm4idrec.conftest import GENERATION, LISTS, UNNAMED, Tuned


def generate(
    tuned: Tuned,
    out: Path,
    config: GenerationConfig = GENERATION,
    seed: int = 1,
    lists: ListsConfig = LISTS,
) -> pa.Table:
    generation = Generation(
        tuned.train, tuned.base_model, tuned.adapter, config, lists, seed=seed, device="cpu"
    )
    generate_candidates(generation, out, threads=1)
    return read_generations(out)


def test_votes_and_ranks_by_hand() -> None:
    said = [
        (7, 0, "i1", -1),
        (7, 0, "i1", -3),
        (7, 1, "i1", -2),
        (7, 1, "i2", -1),
        (7, 0, "x", -9),
        (3, 5, "i4", -1),
    ]
    table = count_votes([(u, a, Mention(a, text, p)) for u, a, text, p in said])
    assert table.select(["user", "text", "item", "votes", "mentions", "rank"]).to_pylist() == [
        {"user": 3, "text": "i4", "item": 4, "votes": 1, "mentions": 1, "rank": 1},
        {"user": 7, "text": "i1", "item": 1, "votes": 2, "mentions": 3, "rank": 1},
        {"user": 7, "text": "i2", "item": 2, "votes": 1, "mentions": 1, "rank": 2},
        {"user": 7, "text": "x", "item": None, "votes": 1, "mentions": 1, "rank": 3},
    ]
    assert table["mean_log_probability"].to_pylist() == [-1, -2, -1, -9]


def test_unseen_items_only_each_once_an_answer(
    tuned: Tuned, blocks: Interactions, tmp_path: Path
) -> None:
    table = generate(tuned, tmp_path / "out")
    assert set(table["user"].to_pylist()) == set(range(11))
    assert table["item"].null_count == 0
    assert not blocks.contains(table["user"], table["item"]).any()
    assert table["mentions"].to_pylist() == table["votes"].to_pylist()
    assert sum(table["mentions"].to_pylist()) == 11 * 3 * 4


def test_the_whole_catalogue_may_be_generated_when_asked(
    tuned: Tuned, blocks: Interactions, tmp_path: Path
) -> None:
    table = generate(
        tuned, tmp_path / "out", GENERATION.model_copy(update={"restrict": "catalogue"})
    )
    assert table["item"].null_count == 0
    assert blocks.contains(table["user"], table["item"]).any()
    assert max(table["item"].to_pylist()) < blocks.n_items


def test_free_text_is_kept_as_it_was_said(tuned: Tuned, tmp_path: Path) -> None:
    free = GENERATION.model_copy(
        update={"restrict": "none", "temperature": 5.0, "max_new_tokens": 12}
    )
    table = generate(tuned, tmp_path / "out", free)
    assert table["item"].null_count > 0
    assert {"u", "i"} & {text[0] for text in table["text"].to_pylist()}


def of_the_own_kind(table: pa.Table) -> float:
    """Share of the rows whose item is of the user's kind."""
    return float((table["user"].to_numpy() % 2 == table["item"].to_numpy() % 2).mean())


def test_the_model_learnt_which_items_belong_together(learnt: Tuned, tmp_path: Path) -> None:
    config = GENERATION.model_copy(update={"items": 2, "temperature": 0.1})
    assert of_the_own_kind(generate(learnt, tmp_path / "out", config, lists=UNNAMED)) > 0.9


NEXT = GENERATION.model_copy(update={"method": "next_item", "views": 3, "items": 4})


def test_next_items_are_the_unseen_ones_of_largest_mean_probability(
    tuned: Tuned, blocks: Interactions, tmp_path: Path
) -> None:
    table = generate(tuned, tmp_path / "out", NEXT)
    assert table["user"].to_pylist() == [user for user in range(11) for _ in range(4)]
    assert table["rank"].to_pylist() == [1, 2, 3, 4] * 11
    assert not blocks.contains(table["user"], table["item"]).any()
    assert all(0 <= votes <= 3 for votes in table["votes"].to_pylist())
    by_user = table["mean_log_probability"].to_numpy().reshape(11, 4)
    assert (np.diff(by_user) <= 0).all()


def test_next_items_are_those_that_belong_together(learnt: Tuned, tmp_path: Path) -> None:
    two = NEXT.model_copy(update={"items": 2})  # of the own kind are left to each
    assert of_the_own_kind(generate(learnt, tmp_path / "out", two, lists=UNNAMED)) > 0.9


def test_next_item_probabilities_by_hand() -> None:
    """Two users, two views each, three items."""
    seen = (torch.tensor([1]), torch.tensor([2]))
    tally = NextItems(2, 3, seen=seen, n=2)
    first = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]])
    tally.add(first, torch.tensor([0, 1, 0]))
    tally.add(torch.tensor([[0.3, 0.1, 0.6]]), torch.tensor([1]))
    table = tally.candidates(np.array([4, 9]))
    assert table.select(["user", "item", "votes", "rank"]).to_pylist() == [
        {"user": 4, "item": 2, "votes": 2, "rank": 1},  # (.3 + .5) / 2
        {"user": 4, "item": 0, "votes": 1, "rank": 2},  # (.5 + .2) / 2
        {"user": 9, "item": 0, "votes": 2, "rank": 1},  # (.1 + .3) / 2
        {"user": 9, "item": 1, "votes": 2, "rank": 2},  # (.1 + .1) / 2
    ]
    expected = np.log([0.4, 0.35, 0.2, 0.1])
    assert table["mean_log_probability"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_next_item_with_fewer_unseen_than_asked_for_has_those(tuned: Tuned, tmp_path: Path) -> None:
    table = generate(tuned, tmp_path / "out", NEXT.model_copy(update={"items": 50}))
    assert len(table) == 11 * (20 - 8)


def test_the_samples_of_a_view_are_as_many_answers(tuned: Tuned, tmp_path: Path) -> None:
    one = generate(tuned, tmp_path / "1")
    three = generate(tuned, tmp_path / "3", GENERATION.model_copy(update={"samples": 3}))
    assert sum(three["mentions"].to_pylist()) == 3 * sum(one["mentions"].to_pylist())
    assert max(three["votes"].to_pylist()) > 3 == max(one["votes"].to_pylist())
    assert read_json(tmp_path / "3/summary.json")["answers"] == 11 * 3 * 3


@pytest.mark.parametrize("config", [GENERATION, NEXT], ids=["sample", "next_item"])
def test_same_seed_same_bytes_other_seed_others(
    tuned: Tuned, tmp_path: Path, config: GenerationConfig
) -> None:
    once, again = (generate(tuned, tmp_path / name, config) for name in ("1", "2"))
    assert once.equals(again)
    assert not once.equals(generate(tuned, tmp_path / "3", config, seed=2))


def test_resumes_after_the_last_whole_shard(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tuned, tmp_path / "whole")
    real, calls = Generator.candidates, []

    def dies_in_the_second(self: Generator, users: LongArray, bar: object = None) -> pa.Table:
        calls.append(users)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, users, bar)

    monkeypatch.setattr(Generator, "candidates", dies_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        generate(tuned, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    generate(tuned, tmp_path / "out")
    assert len(calls) == 4  # two before, and of three shards the two that were missing
    assert content_hash(tmp_path / "out") == content_hash(tmp_path / "whole")


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no generated shards"):
        read_generations(tmp_path)


def test_auto_is_a_device_there_is() -> None:
    assert choose_device("auto").type in {"cpu", "cuda"}


def test_bfloat16_proposes_what_float32_does(learnt: Tuned) -> None:
    """The compact model in both types: nine in ten of the first candidates are the same, and the
    log-probabilities of those differ by less than 0.1."""
    users = Interactions.read(learnt.train)
    found = {}
    for precision in ("float32", "bfloat16"):
        language_model = load_tuned_model(
            learnt.base_model, learnt.adapter, torch.device("cpu"), precision=precision
        )
        generator = Generator(language_model, users, NEXT, lists=UNNAMED, seed=1)
        rows = generator.candidates(np.arange(users.n_users - 1)).to_pylist()
        found[precision] = {
            (row["user"], row["item"]): row["mean_log_probability"]
            for row in rows
            if row["rank"] <= 4
        }
    one, two = found.values()
    both = one.keys() & two.keys()
    assert len(both) >= 0.9 * len(one)
    assert max(abs(one[pair] - two[pair]) for pair in both) < 0.1
    assert one != two
