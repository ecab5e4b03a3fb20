"""The causal language model under the adapter: a small one trained here, or a pretrained one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.causal_training import write_history
from llm4idrec.language_model.early_stopping import train_until_best
from llm4idrec.language_model.id_tokens import add_id_tokens
from llm4idrec.language_model.list_batches import ListBatches, ListTokens
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.language_model.pretrained import (
    Reference,
    hide_progress,
    loading,
    read_reference,
    write_reference,
)
from llm4idrec.language_model.prompts import require_order
from llm4idrec.language_model.tail import CUTOFF, Tail
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.nn.factorisation import factorise
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import fingerprint, replacing_folder, resumable_folder, write_json

POSITIONS = 4096
"""Longest sequence that the compact model's configuration declares."""


def make_base_model(
    train: Path, out: Path, config: BaseModelConfig, *, lists: ListsConfig, seed: int, device: str
) -> None:
    """Write `out`, a Hugging Face model folder, or for a pretrained model a reference to it.

    `train` is the file of train interactions that the compact model learns from, shown as
    `lists` says; `config` has its size and how it learns, `seed` decides what is drawn, and
    `device` is as in `choose_device`.
    """
    if config.kind == "pretrained":
        write_reference(train, out, config)
    else:
        _train_compact(train, out, config, lists=lists, seed=seed, device=device)


class LanguageModel(NamedTuple):
    """A causal language model of transformers, with its tokenizer."""

    model: Any
    tokenizer: Any


def load_base_model(
    folder: Path, device: torch.device, precision: str | None = None
) -> LanguageModel:
    """The model of a folder that `make_base_model` wrote.

    Weights are read from safetensors only, and no code that comes with a model is run. Without a
    `precision` the weights are float32 on a CPU and as they were saved on a GPU.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    hide_progress()
    reference = read_reference(folder) or Reference(str(folder), None, None)
    dtype = precision or ("float32" if device.type == "cpu" else "auto")
    with loading(reference.name):
        source = {"revision": reference.revision, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(reference.place, **source)
        model = AutoModelForCausalLM.from_pretrained(
            reference.place, dtype=dtype, use_safetensors=True, **source
        )
    add_id_tokens(model, tokenizer, folder)
    return LanguageModel(model.to(device), tokenizer)


def _train_compact(
    train_file: Path,
    out: Path,
    config: BaseModelConfig,
    *,
    lists: ListsConfig,
    seed: int,
    device: str,
) -> None:
    """As `make_base_model`, for `config.kind` compact: `train_file` is its `train`, and `out`,
    `lists`, `seed` and `device` are its own."""
    hide_progress()
    train = Interactions.read(train_file)
    require_order(lists, has_time=train.has_time)
    tokenizer = compact_tokenizer(train.n_users if lists.users else 0, train.n_items)
    encoder = PromptEncoder(tokenizer)
    tokens = ListTokens(encoder, lists, n_users=train.n_users, n_items=train.n_items)
    rest, tail = Tail.hold_out(train, lists, seed)
    model = new_compact_model(rest, encoder, config, users=lists.users, seed=seed)
    batches = ListBatches(rest, tokens, config, lists=lists, seed=seed)
    training = ListTraining(model.to(choose_device(device)), batches, config, seed=seed)
    mark = fingerprint(train_file, config=config.model_dump(), lists=lists.model_dump(), seed=seed)
    with resumable_folder(out, mark) as work:
        stopping = train_until_best(
            training, lambda: tail.ndcg(model, tokens, config.max_length), config, folder=work
        )
        with replacing_folder(out) as target:
            model.save_pretrained(target)
            tokenizer.save_pretrained(target)
            write_history(target / "history.parquet", stopping.history(training))
            write_json(
                target / "summary.json",
                {
                    "parameters": model.num_parameters(),
                    "loss": stopping.loss(training),
                    "epochs": stopping.best,
                    f"tail_ndcg_at_{CUTOFF}": stopping.scores[stopping.best - 1],
                },
            )


def new_compact_model(
    train: Interactions, encoder: PromptEncoder, config: BaseModelConfig, *, users: bool, seed: int
) -> Any:
    """An untrained one for the tokens of `encoder`, which has `users` if lists name them. IDs start
    where a factorisation of the matrix of `train` puts them.
    """
    model = compact_model(len(encoder.tokenizer), config, seed)
    _start_embeddings(model, encoder, train, config=config, users=users)
    return model


def compact_model(n_tokens: int, config: BaseModelConfig, seed: int = 0) -> Any:
    """One with random weights, drawn by `seed`; the global random state is left alone."""
    from transformers import LlamaForCausalLM

    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(compact_config(n_tokens, config))


def compact_config(n_tokens: int, config: BaseModelConfig) -> Any:
    """A small Llama (Touvron et al. 2023) with one matrix for input and output embeddings."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=n_tokens,
        hidden_size=config.hidden_size,
        intermediate_size=4 * config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def _start_embeddings(
    model: Any, encoder: PromptEncoder, train: Interactions, *, config: BaseModelConfig, users: bool
) -> None:
    """IDs start where a factorisation of the matrix of `train` puts them; words start random.

    `encoder` says which row of the embeddings of `model` an ID has, `config` how long they are;
    where no `users` are named, only items have one.
    """
    user_vectors, item_vectors = factorise(train, config.hidden_size, config.embedding_scale)
    starts = [(item_vectors, encoder.catalogue(train.n_items))]
    if users:
        starts.append((user_vectors, encoder.pieces([f"u{u}" for u in range(train.n_users)])))
    weight = model.get_input_embeddings().weight
    with torch.no_grad():
        for vectors, tokens in starts:
            weight[torch.tensor(tokens)[:, 0]] = torch.from_numpy(vectors)
