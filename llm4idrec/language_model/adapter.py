"""LoRA on the prompts: tuning an adapter, and loading it with its base model."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from llm4idrec.config import AdapterConfig, BaseModelConfig
from llm4idrec.errors import InputError
from llm4idrec.language_model.base_model import LanguageModel, compact_config, load_base_model
from llm4idrec.language_model.causal_training import Batch, Schedule, train_causal, write_history
from llm4idrec.language_model.frozen_base import new_tokens, start_updates
from llm4idrec.language_model.id_tokens import id_tokens
from llm4idrec.language_model.merged_updates import merge_updates
from llm4idrec.language_model.pretrained import read_reference
from llm4idrec.language_model.processes import training_processes
from llm4idrec.language_model.prompt_files import PackedPrompts, read_prompts
from llm4idrec.language_model.prompts import Prompt
from llm4idrec.language_model.tokenization import PromptEncoder, kept_lengths
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    real_path,
    replacing_folder,
    resumable_folder,
    work_folder,
    write_json,
)

CONFIG = "adapter_config.json"
BASE = (
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
    "tokenizer_config.json",
)  # fmt: skip
"""Files of the compact model that come along with its adapter."""
BUCKET = 16
"""Batches whose prompts are sorted by length together, so that little is padded."""


def tune_adapter(
    base_model: Path, prompts: Path, out: Path, *, config: AdapterConfig, seed: int, device: str
) -> None:
    """Write a PEFT adapter folder that `PeftModel.from_pretrained(base, out)` loads; that of a
    compact model also `AutoModelForCausalLM.from_pretrained(out)`, with the base that it carries.

    `base_model` is a folder, `prompts` a file of `write_prompts`, `out` the folder to be written;
    `config` says how is tuned, `seed` decides what is drawn, and `device` is as in `choose_device`.
    Base weights stay as they are; only the low-rank updates (Hu et al. 2022, eq. 3) are trained.
    """
    examples = read_prompts(prompts)
    if not examples:
        raise InputError("holds no prompts", "users with at least 3 items", file=prompts)
    with training_processes(device) as processes:
        processes.share(config.accumulation)  # before anything is loaded
        model, tokenizer = load_base_model(base_model, processes.loading_device, config.precision)
        if config.gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        torch.manual_seed(seed)
        model = add_adapter(model, config, id_tokens(tokenizer) or new_tokens(base_model))
        start_updates(model, base_model)
        merge_updates(model)
        processes.shard(model)
        batches = PromptBatches(examples, PromptEncoder(tokenizer), config, seed=seed)
        schedule = Schedule(
            learning_rate=config.learning_rate,
            accumulation=config.accumulation,
            precision=config.precision,
            checkpoint_every=config.checkpoint_every,
            seed=seed,
            negatives=config.negatives,
        )
        mark = fingerprint(base_model, prompts, config=config.model_dump(), seed=seed)
        ours = resumable_folder(out, mark) if processes.main else nullcontext(work_folder(out))
        with ours as work:
            processes.wait()
            history = train_causal(
                model, batches, schedule, folder=work, title="adapter", processes=processes
            )
            if processes.main:
                _write(
                    out,
                    model,
                    history,
                    prompts=len(examples),
                    carry=lambda to: _carry(base_model, tokenizer, to),
                )


def _write(
    out: Path, model: Any, history: pa.Table, *, prompts: int, carry: Callable[[Path], None]
) -> None:
    """Write the folder `out`: the adapter that `model` has, the `history` of its loss, the number
    of `prompts`, and what `carry` adds to a folder."""
    with replacing_folder(out) as target:
        model.save_pretrained(target, save_embedding_layers=False)
        carry(target)
        # An empty form for a model card, which names the folder of the base model.
        (target / "README.md").unlink()
        write_history(target / "history.parquet", history)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        last = history["loss"].to_numpy()[-BUCKET:]
        write_json(
            target / "summary.json",
            {"prompts": prompts, "parameters": trained, "loss": float(last.mean())},
        )


def _carry(base_model: Path, tokenizer: Any, target: Path) -> None:
    """Add what lets the folder be loaded wherever it lies. It cannot name the place of the base
    model: a relative path would go from the working directory. So the compact model comes along
    itself; one of the hub has a name; where items have tokens the tokenizer comes along.
    """
    if (reference := read_reference(base_model)) is None:
        for name in BASE:
            if (base_model / name).is_file():
                shutil.copy(base_model / name, target / name)
        return
    if reference.sha256 is None:
        named = {"base_model_name_or_path": reference.name, "revision": reference.revision}
        write_json(target / CONFIG, read_json(target / CONFIG) | named)
    if id_tokens(tokenizer):
        tokenizer.save_pretrained(target)


def add_adapter(model: Any, config: AdapterConfig, tokens: list[int]) -> Any:
    """`model` with low-rank updates, and new vectors for `tokens`."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.target_modules),
        trainable_token_indices=_both_sides(model, tokens) if tokens else None,
        task_type="CAUSAL_LM",
    )
    try:
        with _quiet():
            model = get_peft_model(model, lora)
    except ValueError as error:
        names = sorted({n.split(".")[-1] for n, m in model.named_modules() if hasattr(m, "weight")})
        raise InputError(
            f"adapter.target_modules {list(config.target_modules)} do not fit the base model",
            f"names among {names}",
        ) from error
    # The folder of a base model differs from machine to machine, the order of a set of words from
    # process to process; the adapter should not.
    model.peft_config["default"].base_model_name_or_path = Path(model.name_or_path).name
    model.peft_config["default"].target_modules = sorted(config.target_modules)
    return model


def require_modules(base_model: BaseModelConfig, config: AdapterConfig) -> None:
    """`InputError` if the compact model has no layers of the names that are to get an update."""
    from transformers import LlamaForCausalLM

    with torch.device("meta"):  # weights that take no memory
        add_adapter(LlamaForCausalLM(compact_config(3, base_model)), config, [])


def _both_sides(model: Any, tokens: list[int]) -> dict[str, list[int]]:
    """`tokens` by the layers that know them: where they come in, and where they go out. Where these
    share their weights, PEFT trains one vector for both."""
    sides = (model.get_input_embeddings(), model.get_output_embeddings())
    return {name: tokens for name, module in model.named_modules() if module in sides}


def load_tuned_model(
    base_model: Path, adapter: Path, device: torch.device, *, precision: str | None = None
) -> LanguageModel:
    """The model with the adapter merged into its weights, ready to generate.

    Without a `precision` the weights are as `load_base_model` has them. Raises `InputError` if
    there is no adapter, or one that is no safetensors.
    """
    from peft import PeftModel

    _require_adapter(adapter)
    model, tokenizer = load_base_model(base_model, device, precision)
    with _quiet():
        tuned = PeftModel.from_pretrained(model, str(adapter))
    return LanguageModel(tuned.merge_and_unload().eval(), tokenizer)


def export_merged(base_model: Path, adapter: Path, to: Path) -> None:
    """Write the folder `to`, whole or not at all: one model for engines that load no adapters.

    It holds all weights, those of a referenced base model too, in the base model's own type, and
    the tokenizer; `transformers` reads it without peft. Raises `InputError` if there is no adapter,
    or something in `to` already.
    """
    _require_adapter(adapter)
    whole = real_path(to)
    if (whole.is_symlink() or whole.exists()) and not (to.is_dir() and not any(to.iterdir())):
        raise InputError("is there already", "a new folder", "remove it or name another", file=to)
    model, tokenizer = load_tuned_model(base_model, adapter, torch.device("cpu"), precision="auto")
    with replacing_folder(whole) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _require_adapter(folder: Path) -> None:
    """Without the safetensors peft would take a pickle."""
    names = (CONFIG, "adapter_model.safetensors")
    if not all((folder / name).is_file() for name in names):
        remedy = "run the stage `adapter`"
        raise InputError("holds no adapter", " and ".join(names), remedy, file=folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """peft 0.21 asks transformers 5 something by its old name, which warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield


class PromptBatches:
    """Batches of encoded prompts: every prompt once in a new order, then again."""

    def __init__(
        self, prompts: PackedPrompts, encoder: PromptEncoder, config: AdapterConfig, *, seed: int
    ) -> None:
        self._prompts, self._encoder, self._config, self._seed = prompts, encoder, config, seed
        self._catalogue = encoder.catalogue(prompts.n_items)
        cost = max(map(len, self._catalogue)) + len(encoder.separator)
        empty = replace(prompts[-1], history=(0,), answer=(0,))
        frame = len(encoder.questions([empty.question_text])[0]) + 2
        self._kept = kept_lengths(
            *prompts.lengths, longest=config.max_length - frame, token_cost=cost
        )
        self._lengths = self._kept[0] + self._kept[1]
        self._passed = -1
        self._order: list[npt.NDArray[np.int64]] = []

    def __len__(self) -> int:
        return self._config.steps * self._config.accumulation

    def __getitem__(self, step: int) -> Batch:
        passed, number = divmod(step, -(-len(self._prompts) // self._config.batch_size))
        if passed != self._passed:
            self._order, self._passed = self._draw(passed), passed
        return self._encode([self._shortened(row) for row in self._order[number].tolist()])

    def _shortened(self, row: int) -> Prompt:
        n_history, n_answer = (int(kept[row]) for kept in self._kept)
        return self._prompts[row].shortened(n_history, n_answer)

    def _draw(self, passed: int) -> list[npt.NDArray[np.int64]]:
        random = np.random.default_rng((self._seed, passed))
        size = self._config.batch_size
        bucket = np.arange(len(self._prompts)) // (BUCKET * size)
        drawn = random.permutation(len(self._prompts))
        rows = drawn[np.lexsort((self._lengths[drawn], bucket))]
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        return [batches[number] for number in random.permutation(len(batches))]

    def _encode(self, prompts: list[Prompt]) -> Batch:
        questions = self._encoder.questions([p.question_text for p in prompts])
        sequences = []
        for prompt, question in zip(prompts, questions, strict=True):
            answer = self._encoder.answer(self._catalogue[item] for item in prompt.answer)
            skipped = len(question) if self._config.loss_on == "answer" else 1
            sequences.append((question + answer, skipped))
        return Batch.pad(sequences, self._encoder.pad)
