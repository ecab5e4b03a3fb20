import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm4idrec.config import ListsConfig
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.language_model.adapter import (
    add_adapter,
    export_merged,
    load_tuned_model,
    tune_adapter,
)
from llm4idrec.language_model.base_model import load_base_model
from llm4idrec.language_model.causal_training import causal_loss
from llm4idrec.language_model.id_tokens import id_tokens
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.runtime.files import content_hash, read_json, write_json
from tests.llm4idrec.conftest import ADAPTER, GENERATION, N_ITEMS, Tuned
from tests.llm4idrec.spelling_model import write_owned

CPU = torch.device("cpu")
LISTS = ListsConfig()


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def owned(
    request: pytest.FixtureRequest, blocks: Interactions, tmp_path_factory: pytest.TempPathFactory
) -> Tuned:
    """A pretrained model in which every item has a token of its own, tuned on the blocks."""
    files = write_owned(tmp_path_factory.mktemp("owned"), blocks, tied=request.param)
    tune_adapter(
        files.base_model, files.prompts, files.adapter, config=ADAPTER, seed=1, device="cpu"
    )
    return files


def logits(model: torch.nn.Module, tokenizer: object) -> torch.Tensor:
    tokens = PromptEncoder(tokenizer).questions(["i3,i14,i15,"])
    with torch.inference_mode():
        return model.eval()(torch.tensor(tokens)).logits  # type: ignore[no-any-return]


def test_an_item_is_one_token_wherever_it_stands(owned: Tuned) -> None:
    _, tokenizer = load_base_model(owned.base_model, CPU)
    assert len(id_tokens(tokenizer)) == N_ITEMS
    assert tokenizer.tokenize("i1,i12") == ["i1", ",", "i12"]
    assert tokenizer.tokenize("i120 xi1") == list("i120 xi1")
    text = "Given the list items:i1,i12, predict"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_tuning_moves_the_vectors_of_the_items_alone(owned: Tuned) -> None:
    base, tokenizer = load_base_model(owned.base_model, CPU)
    tuned, _ = load_tuned_model(owned.base_model, owned.adapter, CPU)
    items = id_tokens(tokenizer)
    for side in ("get_input_embeddings", "get_output_embeddings"):
        moved = (getattr(tuned, side)().weight != getattr(base, side)().weight).any(1)
        assert moved.nonzero()[:, 0].tolist() == items


def test_vectors_that_are_trained_one_by_one_are_compared_with_all(owned: Tuned) -> None:
    model, tokenizer = load_base_model(owned.base_model, CPU)
    tokens = torch.tensor([id_tokens(tokenizer)[:4]])
    with torch.inference_mode():
        model = add_adapter(model, ADAPTER, id_tokens(tokenizer)).eval()
        assert causal_loss(model, tokens, tokens, negatives=2) == causal_loss(model, tokens, tokens)


def test_a_saved_adapter_says_what_the_trained_model_said(owned: Tuned, tmp_path: Path) -> None:
    model, tokenizer = load_base_model(owned.base_model, CPU)
    trained = add_adapter(model, ADAPTER, id_tokens(tokenizer))
    with torch.no_grad():
        for weight in (p for p in trained.parameters() if p.requires_grad):
            weight.add_(torch.randn_like(weight))
    trained.save_pretrained(tmp_path, save_embedding_layers=False)

    fresh, _ = load_base_model(owned.base_model, CPU)
    loaded = PeftModel.from_pretrained(fresh, str(tmp_path))
    assert torch.equal(logits(loaded, tokenizer), logits(trained, tokenizer))
    merged, _ = load_tuned_model(owned.base_model, tmp_path, CPU)
    difference = (logits(merged, tokenizer) - logits(trained, tokenizer)).abs().max()
    assert difference < 1e-4 * logits(trained, tokenizer).abs().max()


def test_training_goes_on_from_a_checkpoint_with_the_same_vectors(
    owned: Tuned, tmp_path: Path, killed_at_step: Callable[[int], list[int]]
) -> None:
    killed_at_step(8)
    with pytest.raises(KeyboardInterrupt):
        tune_adapter(
            owned.base_model, owned.prompts, tmp_path / "out", config=ADAPTER, seed=1, device="cpu"
        )
    tune_adapter(
        owned.base_model, owned.prompts, tmp_path / "out", config=ADAPTER, seed=1, device="cpu"
    )
    assert content_hash(tmp_path / "out") == content_hash(owned.adapter)


def test_the_merged_export_needs_neither_the_adapter_nor_us(owned: Tuned, tmp_path: Path) -> None:
    export_merged(owned.base_model, owned.adapter, tmp_path / "merged")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    ours = logits(*load_tuned_model(owned.base_model, owned.adapter, CPU))
    torch.testing.assert_close(logits(model, tokenizer), ours, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["next_item", "sample"])
def test_only_unseen_items_are_proposed(
    method: str, owned: Tuned, blocks: Interactions, tmp_path: Path
) -> None:
    config = GENERATION.model_copy(update={"method": method})
    generation = Generation(
        owned.train, owned.base_model, owned.adapter, config, LISTS, seed=1, device="cpu"
    )
    generate_candidates(generation, tmp_path / "out", threads=1)
    table = read_generations(tmp_path / "out")
    assert set(table["user"].to_pylist()) == set(range(11))
    assert table["item"].null_count == 0
    assert not blocks.contains(table["user"], table["item"]).any()


def test_an_adapter_for_a_model_of_the_hub_loads_wherever_it_lies(
    owned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub name is a relative path too, which stands in for the hub here."""
    reference = read_json(owned.base_model / "reference.json")
    shutil.copytree(reference["name"], tmp_path / "somebody/model")
    shutil.copytree(owned.base_model, tmp_path / "base")
    named = {"name": "somebody/model", "revision": "main", "sha256": None}
    write_json(tmp_path / "base/reference.json", named)
    monkeypatch.chdir(tmp_path)
    tune_adapter(
        tmp_path / "base", owned.prompts, tmp_path / "adapter", config=ADAPTER, seed=1, device="cpu"
    )
    Path("deep").mkdir()
    Path("adapter").rename("deep/moved")
    plain = AutoPeftModelForCausalLM.from_pretrained("deep/moved")
    assert plain.peft_config["default"].revision == "main"
    ours, tokenizer = load_tuned_model(tmp_path / "base", tmp_path / "deep/moved", CPU)
    assert len(AutoTokenizer.from_pretrained("deep/moved")) == len(tokenizer)
    torch.testing.assert_close(logits(plain, tokenizer), logits(ours, tokenizer), rtol=0, atol=1e-4)
