"""A compact model for another catalogue: what it knows stays, what is new can be learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from llm4idrec.config import AdapterConfig, BaseModelConfig, ListsConfig, PromptsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.language_model.adapter import export_merged, load_tuned_model, tune_adapter
from llm4idrec.language_model.base_model import load_base_model, make_base_model
from llm4idrec.language_model.frozen_base import ITEMS, Former, carry_over, new_tokens
from llm4idrec.language_model.prompt_files import write_prompts
from llm4idrec.language_model.prompts import build_prompts
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.runtime.files import read_json

LISTS = ListsConfig(order="time")
BASE = BaseModelConfig(
    kind="compact", hidden_size=8, layers=1, heads=1, max_epochs=2, batch_tokens=256, max_length=32
)
ADAPTER = AdapterConfig.model_validate({"steps": 20, "rank": 2})
PROMPTS = PromptsConfig(per_user=4, fully_share=0.5, subset_length=4)
CPU = torch.device("cpu")


def lists(ids: list[str], n_users: int = 30, seed: int = 0) -> tuple[Interactions, pa.Table]:
    """Everyone takes six of the items one after another; and the table of their own IDs."""
    draw = np.random.default_rng(seed)
    size = 6
    item = np.concatenate([draw.permutation(len(ids))[:size] for _ in range(n_users)])
    user, place = np.divmod(np.arange(n_users * size), size)
    known = Interactions(user.astype(np.int32), item.astype(np.int32), n_users, len(ids), place)
    return known, pa.table({"id": ids})


def write(folder: Path, ids: list[str]) -> tuple[Path, Path]:
    known, items = lists(ids)
    known.write(folder / "interactions.parquet")
    pq.write_table(items, folder / ITEMS)
    return folder / "interactions.parquet", folder / ITEMS


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model of the items a to j."""
    known, items = write(tmp_path / "first", list("abcdefghij"))
    make_base_model(known, tmp_path / "base", BASE, lists=LISTS, seed=1, device="cpu")
    pq.write_table(pq.read_table(items), tmp_path / "base" / ITEMS)
    return tmp_path / "base"


def vectors(folder: Path, adapter: Path | None = None) -> dict[str, torch.Tensor]:
    """Of each item, by its own ID."""
    ids = pq.read_table(folder / ITEMS)["id"].to_pylist()
    model, tokenizer = (
        load_base_model(folder, CPU) if adapter is None else load_tuned_model(folder, adapter, CPU)
    )
    tokens = PromptEncoder(tokenizer).catalogue(len(ids))
    weight = model.get_input_embeddings().weight.detach()
    return {own: weight[token].clone() for own, (token,) in zip(ids, tokens, strict=True)}


def test_what_is_known_keeps_its_vector_whatever_its_number(base: Path, tmp_path: Path) -> None:
    known, items = write(tmp_path / "second", list("jihgfeXYdc"))  # a and b have left
    carry_over(base, tmp_path / "carried", known=known, items=items)
    before, after = vectors(base), vectors(tmp_path / "carried")
    assert list(after) == list("jihgfeXYdc")
    for own in "cdefghij":
        assert torch.equal(before[own], after[own])
    summary = read_json(tmp_path / "carried" / "summary.json")
    assert (summary["new_items"], summary["left_items"]) == (2, 2)
    model, tokenizer = load_base_model(tmp_path / "carried", CPU)
    assert tokenizer.convert_ids_to_tokens(new_tokens(tmp_path / "carried")) == ["i6", "i7"]
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    own, _ = load_base_model(base, CPU)
    for name, weight in own.model.layers.named_parameters():
        assert torch.equal(weight, model.model.layers.get_parameter(name))


def test_the_same_catalogue_gives_the_same_model(base: Path, tmp_path: Path) -> None:
    known, items = write(tmp_path / "same", list("abcdefghij"))
    carry_over(base, tmp_path / "carried", known=known, items=items)
    own, same = (load_base_model(folder, CPU).model for folder in (base, tmp_path / "carried"))
    for name, weight in own.named_parameters():
        assert torch.equal(weight, same.get_parameter(name))
    assert new_tokens(tmp_path / "carried") == []


def test_a_new_item_starts_near_those_that_have_the_same_users(tmp_path: Path) -> None:
    """Two groups of users and of items; an item of the one group is new."""
    draw, half = np.random.default_rng(2), 8
    user, place = np.divmod(np.arange(60 * 5), 5)
    own = np.concatenate([draw.permutation(half)[:5] for _ in range(60)])
    item = own + half * (user % 2)
    known = Interactions(user, item, 60, 2 * half, place)
    names = [f"{group}{n}" for group in "ab" for n in range(half)]
    first = known.take(known.item != 3)
    first.write(tmp_path / "first.parquet")
    config = BASE.model_copy(update={"max_epochs": 20, "patience": 20})
    make_base_model(
        tmp_path / "first.parquet", tmp_path / "base", config, lists=LISTS, seed=1, device="cpu"
    )
    gone = [name if name != "a3" else "gone" for name in names]
    pq.write_table(pa.table({"id": gone}), tmp_path / "base" / ITEMS)
    known.write(tmp_path / "known.parquet")
    pq.write_table(pa.table({"id": names}), tmp_path / ITEMS)
    carry_over(
        tmp_path / "base",
        tmp_path / "carried",
        known=tmp_path / "known.parquet",
        items=tmp_path / ITEMS,
    )
    found = vectors(tmp_path / "carried")
    like = {
        group: float(
            torch.stack(
                [
                    torch.cosine_similarity(found["a3"], found[f"{group}{n}"], 0)
                    for n in range(half)
                    if (group, n) != ("a", 3)
                ]
            ).mean()
        )
        for group in "ab"
    }
    assert like["a"] > like["b"] + 0.3


def query(folder: Path, adapter: Path | None = None) -> torch.Tensor:
    """A matrix that gets an update."""
    model = load_tuned_model(folder, adapter, CPU) if adapter else load_base_model(folder, CPU)
    weight: torch.Tensor = model.model.model.layers[0].self_attn.q_proj.weight.detach()
    return weight


def tuned(carried: Path, known: Path, out: Path, config: AdapterConfig = ADAPTER) -> Path:
    prompts = build_prompts(Interactions.read(known), PROMPTS, LISTS, seed=0)
    write_prompts(out.with_suffix(".jsonl"), prompts)
    tune_adapter(carried, out.with_suffix(".jsonl"), out, config=config, seed=0, device="cpu")
    return out


def test_an_adapter_trains_the_new_vectors_and_no_others(base: Path, tmp_path: Path) -> None:
    known, items = write(tmp_path / "second", list("Xabcdefghi"))
    carried = tmp_path / "carried"
    carry_over(base, carried, known=known, items=items)
    before, after = vectors(carried), vectors(carried, tuned(carried, known, tmp_path / "adapter"))
    assert [own for own in before if not torch.equal(before[own], after[own])] == ["X"]


@pytest.fixture
def former(base: Path, tmp_path: Path) -> Former:
    """An adapter that also knows X."""
    known, items = write(tmp_path / "second", list("Xabcdefghi"))
    carried, served = tmp_path / "carried", tmp_path / "served"
    carry_over(base, carried, known=known, items=items)
    adapter = tuned(carried, known, tmp_path / "adapter")
    export_merged(carried, adapter, served)
    pq.write_table(pq.read_table(items), served / ITEMS)
    return Former(adapter, served)


def test_an_adapter_goes_on_from_a_former_one(base: Path, former: Former, tmp_path: Path) -> None:
    """Where it starts it is the former: its updates, and its vectors of what the base lacks."""
    known, items = write(tmp_path / "third", list("YbXcdefghij"))
    carried = tmp_path / "later"
    carry_over(base, carried, known=known, items=items, former=former)
    still = ADAPTER.model_copy(update={"learning_rate": 1e-12, "steps": 1})
    adapter = tuned(carried, known, tmp_path / "still", still)
    begun, before = vectors(carried, adapter), vectors(former.served)
    own = vectors(base)
    assert torch.allclose(begun["X"], before["X"], atol=1e-6)
    for name in "bcdefghij":
        assert torch.equal(begun[name], own[name])
    assert torch.allclose(query(carried, adapter), query(former.served), atol=1e-6)
    assert not torch.allclose(query(carried, adapter), query(base), atol=1e-4)


def test_an_adapter_of_other_settings_is_none_to_go_on_from(
    base: Path, former: Former, tmp_path: Path
) -> None:
    known, items = write(tmp_path / "third", list("Xbcdefghij"))
    carried = tmp_path / "later"
    carry_over(base, carried, known=known, items=items, former=former)
    with pytest.raises(InputError, match="holds other updates"):
        tuned(carried, known, tmp_path / "other", ADAPTER.model_copy(update={"rank": 3}))


def test_a_folder_without_ids_or_with_others_is_refused(base: Path, tmp_path: Path) -> None:
    known, items = write(tmp_path / "second", list("abcdefg"))
    pq.write_table(pa.table({"id": list("abcdefg")}), base / ITEMS)
    with pytest.raises(InputError, match=r"and 7 items in items\.parquet"):
        carry_over(base, tmp_path / "out", known=known, items=items)
    (base / ITEMS).unlink()
    with pytest.raises(InputError, match=r"holds no items\.parquet"):
        carry_over(base, tmp_path / "out", known=known, items=items)
    assert not (tmp_path / "out").exists()
