r"""What a GPU makes of the large parts: a 7B model tuned and asked, SmolLM2, graph models.

    python -m benchmarks.gpu                                   # Llama-2-7B's shape, random weights
    python -m benchmarks.gpu --data ../data/lastfm --files data1.txt test1.txt --smollm2
    python -m benchmarks.gpu --data ../data/yelp2018 --recommenders lightgcn xsimgcl
    python -m benchmarks.gpu --tiny                            # the first on a CPU, to see it run

Each call is a few minutes. Tokens count as they are fed, padding too. *of the card* is 4 x
parameters x tokens, the products of a LoRA step without those done again (`checkpointing`), over
the rate of a large bfloat16 product measured first. `--data` is of SELFRec's format.
"""

from __future__ import annotations

import argparse
import string
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.handover import read_split
from benchmarks.pipe import ROOT
from llm4idrec.artifacts import INTERACTIONS, KNOWN
from llm4idrec.config import (
    AdapterConfig,
    BaseModelConfig,
    Config,
    GenerationConfig,
    ListsConfig,
)
from llm4idrec.config import PromptsConfig as Prompts
from llm4idrec.data.interactions import Interactions
from llm4idrec.flow import run_stage
from llm4idrec.generation.generator import Generator
from llm4idrec.language_model.adapter import PromptBatches, add_adapter
from llm4idrec.language_model.base_model import LanguageModel
from llm4idrec.language_model.causal_training import Schedule, train_causal
from llm4idrec.language_model.prompt_files import read_prompts, write_prompts
from llm4idrec.language_model.prompts import build_prompts
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.training import Trained
from llm4idrec.runtime.device import choose_device
from llm4idrec.stages import STAGES

SEED, STEPS, EPOCHS = 0, 10, 3
LISTS = ListsConfig(users=True, words=True)
IN_BFLOAT16 = {
    "preset": "paper",
    "loss_on": "answer",
    "precision": "bfloat16",
    "accumulation": 1,
}
LLAMA_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


class Machine(TypedDict):
    """What every stage with a language model is told of where it runs."""

    seed: int
    device: str
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--files", nargs=2, default=["train.txt", "test.txt"])
    parser.add_argument("--smollm2", action="store_true")
    parser.add_argument("--recommenders", nargs="+", default=[], metavar="NAME")
    chosen = parser.parse_args()
    device = choose_device("auto")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    if chosen.data is None:
        lines = _large_model(device, TINY if chosen.tiny else LLAMA_7B)
    else:
        train = read_split(*(chosen.data / file for file in chosen.files)).train
        lines = (
            _small_model(train)
            if chosen.smollm2
            else _epochs(train, chosen.recommenders, device.type)
        )
    for line in lines:
        print(line, flush=True)


def _large_model(device: torch.device, shape: dict[str, int]) -> Iterator[str]:
    rate = _product_rate(device, 8192 if shape is LLAMA_7B else 512)
    yield f"bfloat16 product: {rate / 1e12:.1f} TFLOP/s"
    tokenizer, train = _spelling_tokenizer(), _random_interactions()
    for checkpointing in (False, True):
        model = _random_model(device, shape)
        size = model.num_parameters()
        tokens, seconds = _lora_steps(model, tokenizer, train, checkpointing=checkpointing)
        share = 4 * size * tokens / seconds / rate
        yield (
            f"LoRA, {size / 1e6:.0f} M parameters, checkpointing {checkpointing}: "
            f"{tokens / seconds:.0f} tokens/s, {share:.0%} of the card, {_peak(device)}"
        )
        del model
    model = _random_model(device, shape).eval()
    for method in ("next_item", "sample"):
        config = GenerationConfig(method=method, views=1, items=40, history=50, batch_size=32)
        generator = Generator(
            LanguageModel(model, tokenizer), train, config, lists=ListsConfig(), seed=SEED
        )
        generator.candidates(np.arange(2))
        seconds = _seconds(partial(generator.candidates, np.arange(64)))
        yield f"{method}: {64 * 40 / seconds:.0f} items/s, {_peak(device)}"


def _product_rate(device: torch.device, size: int) -> float:
    """FLOP/s of a square bfloat16 product, the best of five."""
    a, b = torch.randn(2, size, size, dtype=torch.bfloat16, device=device)
    return 2 * size**3 / min(_seconds(lambda: a @ b) for _ in range(5))


def _seconds(work: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _peak(device: torch.device) -> str:
    if device.type != "cuda":
        return "memory not measured"
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return f"{peak:.1f} GiB at most"


def _random_model(device: torch.device, shape: dict[str, int]) -> Any:
    torch.manual_seed(SEED)
    config = LlamaConfig(vocab_size=32000, max_position_embeddings=4096, **shape)
    with device:
        return LlamaForCausalLM._from_config(config, dtype=torch.bfloat16)


def _lora_steps(
    model: Any, tokenizer: Any, train: Interactions, *, checkpointing: bool
) -> tuple[int, float]:
    """(tokens fed, seconds) of `STEPS` steps after two that are not counted."""
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    config = AdapterConfig.model_validate(IN_BFLOAT16 | {"steps": STEPS})
    model = add_adapter(model, config, [])
    asked = Prompts(per_user=2, fully_share=1, subset_length=20)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.jsonl"
        write_prompts(file, build_prompts(train, asked, LISTS, seed=0))
        prompts = read_prompts(file)
    batches = PromptBatches(prompts, PromptEncoder(tokenizer), config, seed=SEED)
    schedule = Schedule(1e-3, 1, "bfloat16", 10 * STEPS, SEED)

    def steps(number: int) -> None:
        some = [batches[step] for step in range(number)]
        with tempfile.TemporaryDirectory() as folder:
            train_causal(model, some, schedule, folder=Path(folder), title="LoRA")

    steps(2)
    tokens = sum(batches[step].input_ids.numel() for step in range(STEPS))
    return tokens, _seconds(lambda: steps(STEPS))


def _random_interactions() -> Interactions:
    """100 users with 60 of 3,000 items each."""
    random = np.random.default_rng(SEED)
    item = np.concatenate([random.permutation(3000)[:60] for _ in range(100)])
    return Interactions(np.repeat(np.arange(100), 60), item, 100, 3000)


def _spelling_tokenizer() -> PreTrainedTokenizerFast:
    """Letter by letter: of digits, and so of IDs, Llama's does the same."""
    words = ["<unk>", "<s>", "</s>", *string.printable[:95]]
    letters = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    letters.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=letters, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def _small_model(train: Interactions) -> Iterator[str]:
    """The language model's part of the flow with SmolLM2 and a token for each item."""
    settings = {
        "base_model": BaseModelConfig(kind="pretrained", name="smollm2", id_tokens=True),
        "adapter": AdapterConfig.model_validate(IN_BFLOAT16 | {"batch_size": 32}),
        "generation": GenerationConfig(views=8, items=100, history=100),
        "prompts": Prompts(per_user=20, fully_share=0.5, subset_length=20),
        "lists": ListsConfig(),
        "seed": SEED,
        "device": "auto",
        "threads": 8,
    }
    config = Config.read(ROOT / "params.yaml").model_copy(update=settings)
    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        at = Path(folder)
        train.write(at / KNOWN.name / INTERACTIONS)
        for name in ("base_model", "prompts", "adapter", "generate"):
            seconds = _seconds(partial(run_stage, STAGES[name], config, at))
            yield f"SmolLM2, {train.n_users} users, {name}: {seconds:.1f} s"


def _epochs(train: Interactions, names: list[str], device: str) -> Iterator[str]:
    for name in names:
        kind = RECOMMENDERS[name]
        recommender = kind(kind.settings_type(), SEED, device)
        if not isinstance(recommender, Trained):
            raise TypeError(f"{name} is not trained by epochs, expected one that is")
        recommender.start(train)
        recommender.train_epoch()
        best = min(_seconds(recommender.train_epoch) for _ in range(EPOCHS))
        yield f"{name}, {len(train)} pairs: {best:.2f} s an epoch"


if __name__ == "__main__":
    main()
