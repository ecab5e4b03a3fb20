import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from llm4idrec import __main__ as command_line
from llm4idrec.config import BaseModelConfig
from llm4idrec.errors import InputError
from llm4idrec.language_model import causal_training
from llm4idrec.language_model.adapter import (
    PromptBatches,
    export_merged,
    load_tuned_model,
    tune_adapter,
)
from llm4idrec.language_model.base_model import load_base_model, make_base_model
from llm4idrec.language_model.causal_training import IGNORED
from llm4idrec.language_model.prompt_files import read_prompts
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.runtime.files import content_hash, read_json
from tests.llm4idrec.conftest import ADAPTER, LISTS, Tuned


def test_plain_peft_loads_the_adapter(tuned: Tuned) -> None:
    base = AutoModelForCausalLM.from_pretrained(tuned.base_model)
    plain = PeftModel.from_pretrained(base, str(tuned.adapter)).eval()
    ours, _ = load_tuned_model(tuned.base_model, tuned.adapter, torch.device("cpu"))
    tokens = torch.arange(3, 13)[None]
    with torch.inference_mode():
        difference = (plain(tokens).logits - ours(tokens).logits).abs().max()
    assert difference < 1e-4
    assert (tuned.adapter / "adapter_model.safetensors").is_file()
    assert not list(tuned.adapter.rglob("*.bin"))


def test_plain_transformers_loads_the_adapter_wherever_it_lies(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tuned.adapter, tmp_path / "elsewhere/moved")
    monkeypatch.chdir("/")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "elsewhere/moved").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "elsewhere/moved")
    ours, own = load_tuned_model(tuned.base_model, tuned.adapter, torch.device("cpu"))
    assert tokenizer.get_vocab() == own.get_vocab()
    tokens = torch.arange(3, 13)[None]
    with torch.inference_mode():
        base = AutoModelForCausalLM.from_pretrained(tuned.base_model)
        assert not torch.allclose(plain(tokens).logits, base(tokens).logits)
        difference = (plain(tokens).logits - ours(tokens).logits).abs().max()
    assert difference < 1e-4


@pytest.mark.parametrize("negatives", [8, 8192])
def test_tuning_changes_what_the_model_says_and_lowers_the_loss(
    negatives: int, tuned: Tuned, tmp_path: Path
) -> None:
    config = ADAPTER.model_copy(update={"negatives": negatives})
    tune_adapter(
        tuned.base_model, tuned.prompts, tmp_path / "out", config=config, seed=1, device="cpu"
    )
    base, tokenizer = load_base_model(tuned.base_model, torch.device("cpu"))
    adapted, _ = load_tuned_model(tuned.base_model, tmp_path / "out", torch.device("cpu"))
    batches = PromptBatches(read_prompts(tuned.prompts), PromptEncoder(tokenizer), ADAPTER, seed=7)

    def loss(model: torch.nn.Module) -> float:
        with torch.inference_mode():
            return sum(
                float(
                    causal_training.causal_loss(
                        model.eval(), batches[s].input_ids, batches[s].labels
                    )
                )
                for s in range(4)
            )

    assert loss(adapted) < loss(base)


@pytest.mark.parametrize("loss_on", ["answer", "all"])
def test_the_loss_counts_what_it_says(loss_on: str, tuned: Tuned) -> None:
    _, tokenizer = load_base_model(tuned.base_model, torch.device("cpu"))
    config = ADAPTER.model_copy(update={"loss_on": loss_on})
    batch = PromptBatches(read_prompts(tuned.prompts), PromptEncoder(tokenizer), config, seed=1)[0]
    for tokens, labels in zip(batch.input_ids, batch.labels, strict=True):
        counted = labels != IGNORED
        assert torch.equal(labels[counted], tokens[counted])
        words = tokenizer.convert_ids_to_tokens(labels[counted].tolist())
        assert words[-1] == "</s>"
        if loss_on == "answer":
            assert {word[0] for word in words[:-1]} == {"i"}
        else:
            assert words[0] == "Given"


def test_a_prompt_fits_the_longest_length(tuned: Tuned) -> None:
    _, tokenizer = load_base_model(tuned.base_model, torch.device("cpu"))
    config = ADAPTER.model_copy(update={"max_length": 31})
    batches = PromptBatches(read_prompts(tuned.prompts), PromptEncoder(tokenizer), config, seed=1)
    assert max(batches[step].input_ids.shape[1] for step in range(len(batches))) <= 31


def test_every_prompt_comes_once_before_any_comes_again(tuned: Tuned) -> None:
    _, tokenizer = load_base_model(tuned.base_model, torch.device("cpu"))
    prompts = read_prompts(tuned.prompts)
    batches = PromptBatches(prompts, PromptEncoder(tokenizer), ADAPTER, seed=1)
    per_pass = -(-len(prompts) // ADAPTER.batch_size)
    assert sum(len(batches[step].input_ids) for step in range(per_pass)) == len(prompts)


def test_a_killed_tuning_ends_with_the_same_adapter(
    tuned: Tuned, tmp_path: Path, killed_at_step: Callable[[int], list[int]]
) -> None:
    steps = killed_at_step(8)
    with pytest.raises(KeyboardInterrupt):
        tune_adapter(
            tuned.base_model, tuned.prompts, tmp_path / "out", config=ADAPTER, seed=1, device="cpu"
        )
    tune_adapter(
        tuned.base_model, tuned.prompts, tmp_path / "out", config=ADAPTER, seed=1, device="cpu"
    )
    assert steps[8] == 5  # the checkpoint before
    assert content_hash(tmp_path / "out") == content_hash(tuned.adapter)


def test_checkpointing_gradients_changes_nothing_but_the_memory(
    tuned: Tuned, tmp_path: Path
) -> None:
    kept: list[int] = []
    for again in (False, True):
        config = ADAPTER.model_copy(update={"gradient_checkpointing": again, "dropout": 0.1})
        sizes: list[int] = []

        def pack(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            tune_adapter(
                tuned.base_model,
                tuned.prompts,
                tmp_path / str(again),
                config=config,
                seed=1,
                device="cpu",
            )
        kept.append(sum(sizes))
    once, twice = (load_file(tmp_path / name / ADAPTER_FILE) for name in ("False", "True"))
    assert all(torch.equal(once[name], twice[name]) for name in once)
    assert kept[1] < kept[0] / 2


def test_the_adapter_does_not_name_this_machine(tuned: Tuned) -> None:
    config = read_json(tuned.adapter / "adapter_config.json")
    assert config["base_model_name_or_path"] == "base"
    texts = [file for file in tuned.adapter.iterdir() if file.suffix in (".json", ".md")]
    assert not any(str(tuned.base_model.parent) in file.read_text() for file in texts)


def test_layers_that_are_not_there_are_named(tuned: Tuned, tmp_path: Path) -> None:
    config = ADAPTER.model_copy(update={"target_modules": ("c_attn",)})
    with pytest.raises(InputError, match=r"c_attn.*q_proj"):
        tune_adapter(
            tuned.base_model, tuned.prompts, tmp_path / "out", config=config, seed=1, device="cpu"
        )


def test_no_prompts_is_an_input_error(tuned: Tuned, tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text("")
    with pytest.raises(InputError, match="no prompts"):
        tune_adapter(
            tuned.base_model,
            tmp_path / "prompts.jsonl",
            tmp_path / "out",
            config=ADAPTER,
            seed=1,
            device="cpu",
        )


ADAPTER_FILE = "adapter_model.safetensors"
TOKENS = torch.arange(3, 13)[None]


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(TOKENS).logits  # type: ignore[no-any-return]


def base_and_adapter(tuned: Tuned) -> torch.Tensor:
    base = AutoModelForCausalLM.from_pretrained(tuned.base_model)
    return logits(PeftModel.from_pretrained(base, str(tuned.adapter)))


def test_the_merged_folder_is_base_and_adapter_without_peft(tuned: Tuned, tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts/base_model").symlink_to(tuned.base_model)
    (tmp_path / "artifacts/adapter").symlink_to(tuned.adapter)
    merged = tmp_path / "deep/merged"
    command = ["merged", "--out", str(tmp_path / "artifacts"), "--to", str(merged)]
    assert command_line.main(command) == 0

    plain = AutoModelForCausalLM.from_pretrained(merged)
    assert not any("lora" in name for name, _ in plain.named_parameters())
    torch.testing.assert_close(logits(plain), base_and_adapter(tuned), rtol=0, atol=1e-5)
    before = logits(AutoModelForCausalLM.from_pretrained(tuned.base_model))
    assert (logits(plain) - before).abs().max() > 1e-2
    question = "u3:i4,i15,"
    ours = AutoTokenizer.from_pretrained(tuned.base_model)(question)["input_ids"]
    assert AutoTokenizer.from_pretrained(merged)(question)["input_ids"] == ours
    assert sorted(path.suffix for path in merged.iterdir()) == [".json"] * 4 + [".safetensors"]
    texts = [file.read_text() for file in merged.glob("*.json")]
    assert not any(str(tuned.base_model.parent) in text for text in texts)


def test_a_referenced_base_model_is_merged_too_in_its_own_type(
    tuned: Tuned, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    model = AutoModelForCausalLM.from_pretrained(tuned.base_model, dtype=torch.bfloat16)
    model.save_pretrained(half)
    AutoTokenizer.from_pretrained(tuned.base_model).save_pretrained(half)
    reference = BaseModelConfig(kind="pretrained", name=str(half))
    make_base_model(tuned.train, tmp_path / "base", reference, lists=LISTS, seed=1, device="cpu")
    export_merged(tmp_path / "base", tuned.adapter, tmp_path / "merged")

    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert merged.dtype == torch.bfloat16
    torch.testing.assert_close(logits(merged.float()), base_and_adapter(tuned), rtol=0.05, atol=0.1)


def test_the_merged_folder_appears_whole(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[list[str]] = []

    def killed(self: object, folder: Path) -> None:
        begun.append([path.name for path in folder.iterdir()])
        raise KeyboardInterrupt

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", killed)
    with pytest.raises(KeyboardInterrupt):
        export_merged(tuned.base_model, tuned.adapter, tmp_path / "merged")
    assert "model.safetensors" in begun[0]
    assert not list(tmp_path.iterdir())


def test_without_an_adapter_nothing_is_merged(tuned: Tuned, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no adapter"):
        export_merged(tuned.base_model, tuned.base_model, tmp_path / "merged")


def test_a_folder_that_holds_something_is_not_replaced(tuned: Tuned, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is there already"):
        export_merged(tuned.base_model, tuned.adapter, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(InputError, match="is there already"):
        export_merged(tuned.base_model, tuned.adapter, circle)
