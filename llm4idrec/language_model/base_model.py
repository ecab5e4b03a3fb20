"""The causal language model under the adapter: a small one trained here, or a pretrained one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.causal_training import Batch, Schedule, train_causal, write_history
from llm4idrec.language_model.id_tokens import add_id_tokens
from llm4idrec.language_model.pretrained import (
    Reference,
    hide_progress,
    loading,
    read_reference,
    write_reference,
)
from llm4idrec.language_model.prompts import require_order
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
    from transformers import LlamaForCausalLM

    hide_progress()
    train = Interactions.read(train_file)
    require_order(lists, has_time=train.has_time)
    tokenizer = compact_tokenizer(train.n_users if lists.users else 0, train.n_items)
    torch.manual_seed(seed)
    encoder = PromptEncoder(tokenizer)
    model = LlamaForCausalLM(compact_config(len(tokenizer), config))
    _start_embeddings(model, encoder, train, config=config, users=lists.users)
    model = model.to(choose_device(device))
    batches = ListBatches(train, encoder, config, lists=lists, seed=seed)
    schedule = Schedule(
        learning_rate=config.learning_rate,
        accumulation=1,
        precision="float32",
        checkpoint_every=batches.per_epoch,
        seed=seed,
        weight_decay=config.weight_decay,
        negatives=config.negatives,
    )
    mark = fingerprint(train_file, config=config.model_dump(), lists=lists.model_dump(), seed=seed)
    with resumable_folder(out, mark) as work:
        with embedding_dropout(model, config.dropout):
            history = train_causal(model, batches, schedule, folder=work, title="base model")
        with replacing_folder(out) as target:
            model.save_pretrained(target)
            tokenizer.save_pretrained(target)
            write_history(target / "history.parquet", history)
            last = history["loss"].to_numpy()[-batches.per_epoch :]
            write_json(
                target / "summary.json",
                {"parameters": model.num_parameters(), "loss": float(last.mean())},
            )


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


@contextmanager
def embedding_dropout(model: Any, share: float) -> Iterator[None]:
    """Inside, drop a share of what the embedding layer gives while the model is in train mode."""

    def drop(layer: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(output, share, model.training)

    hook = model.get_input_embeddings().register_forward_hook(drop)
    try:
        yield
    finally:
        hook.remove()


class ListBatches:
    """Each epoch shows every list of `train` once as `<s> u12 i34 i56 ... </s>`, or as `<s> i34 i56
    ... </s>` where `lists` says that users are not named; `encoder` makes the tokens. A shuffled
    list is in a new order each time, drawn by `seed`.

    Lists longer than `config.max_length` are cut into pieces. Pieces of similar length share a
    batch of about `config.batch_tokens` tokens.
    """

    def __init__(
        self,
        train: Interactions,
        encoder: PromptEncoder,
        config: BaseModelConfig,
        *,
        lists: ListsConfig,
        seed: int,
    ) -> None:
        self._train, self._seed = train, seed
        self._end, self._padding = [encoder.end], encoder.pad
        names = encoder.pieces([f"u{user}" for user in range(train.n_users)])
        self._heads = [[*encoder.begin, *(name if lists.users else [])] for name in names]
        self._items = np.asarray(encoder.catalogue(train.n_items), np.int64)[:, 0]
        frame = len(self._heads[0]) + 1
        self._pieces = _cut_pieces(train, config.max_length - frame)
        lengths = self._pieces[:, 2] - self._pieces[:, 1] + frame
        self._groups = _group_by_length(lengths, config.batch_tokens)
        self.per_epoch = len(self._groups)
        self._epochs = config.epochs
        self._drawn = -1
        self._order = np.empty(0, np.int64)
        self._shown = np.empty(0, np.int32)
        self._in_time = lists.order == "time"

    def __len__(self) -> int:
        return self._epochs * self.per_epoch

    def __getitem__(self, step: int) -> Batch:
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._drawn:
            self._draw(epoch)
        sequences = []
        for user, start, stop in self._pieces[self._groups[self._order[number]]].tolist():
            items = self._items[self._shown[start:stop]].tolist()
            head = self._heads[user]
            sequences.append(([*head, *items, *self._end], len(head)))
        return Batch.pad(sequences, self._padding)

    def _draw(self, epoch: int) -> None:
        random = np.random.default_rng((self._seed, epoch))
        keys = np.lexsort((random.random(len(self._train)), self._train.user))
        self._shown = self._train.item if self._in_time else self._train.item[keys]
        self._order = random.permutation(self.per_epoch)
        self._drawn = epoch


def _cut_pieces(train: Interactions, longest: int) -> npt.NDArray[np.int64]:
    """Rows (user, start, stop) that cover all interactions, each at most `longest` long."""
    pieces = [
        (user, start, min(start + longest, int(train.offsets[user + 1])))
        for user in range(train.n_users)
        for start in range(int(train.offsets[user]), int(train.offsets[user + 1]), longest)
    ]
    return np.asarray(pieces, np.int64).reshape(-1, 3)


def _group_by_length(lengths: npt.NDArray[np.int64], tokens: int) -> list[npt.NDArray[np.int64]]:
    """Split row numbers, sorted by length, into groups of about `tokens` padded tokens."""
    groups: list[list[int]] = [[]]
    for row in np.argsort(lengths, kind="stable").tolist():
        if groups[-1] and (len(groups[-1]) + 1) * lengths[row] > tokens:
            groups.append([])
        groups[-1].append(row)
    return [np.asarray(group, np.int64) for group in groups]
