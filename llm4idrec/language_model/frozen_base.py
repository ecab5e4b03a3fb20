"""A compact model for another catalogue: what it has learnt stays as it is.

An item is known by its own ID. What is new gets a vector that an adapter then trains (PEFT's
trainable tokens); what is not in the catalogue has no token, so it cannot be proposed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.language_model.base_model import load_base_model
from llm4idrec.language_model.pretrained import read_reference
from llm4idrec.language_model.prompts import parse_item
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.nn.factorisation import Vectors, factorise
from llm4idrec.runtime.files import read_json, replacing_folder, write_json

ITEMS = "items.parquet"
"""The own ID of every item that a model has a token for, in the order of their numbers."""
NEW = "new_tokens.json"
"""The tokens of items that the model has learnt nothing of."""
START = "start.safetensors"
"""Low-rank updates that an adapter of the model goes on from."""
_LORA = ".lora_"
"""In the names of such updates."""
_RIDGE = 1.0
"""Weight of the penalty, where factors have unit mean square: a pull of one item in each."""


class Former(NamedTuple):
    """What an earlier adapter on the same base has learnt, in two folders."""

    adapter: Path
    served: Path
    """The model that it makes, with `ITEMS`."""


def carry_over(
    base: Path, out: Path, *, known: Path, items: Path, former: Former | None = None
) -> None:
    """Write `out`, the model of the folder `base` with tokens for the items of `known`.

    `base` is a compact model with `ITEMS`; `items` is the table of the own IDs (`id`) of what the
    file of interactions `known` numbers. Words and items that the model knows keep their vectors. A
    new item starts where `former` has it, else where a ridge regression of the known items' vectors
    on tonight's factorisation of `known` puts it; an adapter starts from the updates of `former`.
    Raises `InputError` if `base` is no such model.
    """
    interactions = Interactions.read(known)
    own = pq.read_table(items)["id"].combine_chunks().slice(0, interactions.n_items)
    model, tokenizer, had = _read(base)
    place = pc.fill_null(pc.index_in(own, had), -1).to_numpy()
    new_tokenizer = compact_tokenizer(0, interactions.n_items)
    weight = model.get_input_embeddings().weight.detach()
    before, after = (_item_tokens(each) for each in (tokenizer, new_tokenizer))
    vectors = _vectors(weight[before].numpy(), place, interactions)
    if former is not None:
        _go_on(vectors, place < 0, own, served=former.served)
    rows = torch.empty(len(new_tokenizer), model.config.hidden_size)
    rows[: len(compact_tokenizer(0, 0))] = weight[: len(compact_tokenizer(0, 0))]
    rows[after] = torch.from_numpy(vectors)
    _set_rows(model, rows)
    with replacing_folder(out) as folder:
        model.save_pretrained(folder)
        new_tokenizer.save_pretrained(folder)
        pq.write_table(pa.table({"id": own}), folder / ITEMS)
        write_json(folder / NEW, after[torch.from_numpy(place < 0)].tolist())
        if former is not None:
            save_file(_updates(former.adapter), folder / START)
        write_json(
            folder / "summary.json",
            {
                "parameters": model.num_parameters(),
                "new_items": int((place < 0).sum()),
                "left_items": len(had) - int((place >= 0).sum()),
            },
        )


def new_tokens(folder: Path) -> list[int]:
    """The tokens that a model of `carry_over` has learnt nothing of; of another model none."""
    file = folder / NEW
    return [int(token) for token in read_json(file)] if file.is_file() else []


def start_updates(model: Any, folder: Path) -> None:
    """Put the low-rank updates of `model`, which has an adapter on the model of `folder`, where
    that of `carry_over` says; of another model nothing is changed. Raises `InputError` if they are
    those of an adapter of other settings."""
    file = folder / START
    if not file.is_file():
        return
    updates, saved = _updates_of(model), load_file(file)
    if {n: u.shape for n, u in updates.items()} != {n: u.shape for n, u in saved.items()}:
        expected = "those of an adapter with the same layers and rank"
        raise InputError("holds other updates", expected, file=file)
    with torch.no_grad():
        for name, update in updates.items():
            update.copy_(saved[name])


def _updates_of(model: Any) -> dict[str, Tensor]:
    """By the names that PEFT saves them under."""
    return {
        name.replace(".default.", "."): update
        for name, update in model.named_parameters()
        if _LORA in name
    }


def _updates(adapter: Path) -> dict[str, Tensor]:
    saved = load_file(adapter / "adapter_model.safetensors")
    return {name: update for name, update in saved.items() if _LORA in name}


def _go_on(vectors: Vectors, new: npt.NDArray[np.bool_], own: pa.Array, *, served: Path) -> None:
    """Of the `new` items, which `vectors` has by the IDs `own`, put those that `served` has a
    vector for there."""
    model, tokenizer, had = _read(served)
    place = pc.fill_null(pc.index_in(own, had), -1).to_numpy()
    weight = model.get_input_embeddings().weight.detach()[_item_tokens(tokenizer)].numpy()
    learnt = new & (place >= 0)
    vectors[learnt] = weight[place[learnt]]


def _read(base: Path) -> tuple[Any, Any, pa.Array]:
    if read_reference(base) is not None:
        expected = "a compact model: one that is pretrained stays as it is by itself"
        raise InputError("refers to a pretrained model", expected, file=base)
    if not (base / ITEMS).is_file():
        raise InputError(f"holds no {ITEMS}", "the own IDs of the model's items", file=base)
    model, tokenizer = load_base_model(base, torch.device("cpu"))
    had = pq.read_table(base / ITEMS)["id"].combine_chunks()
    n_tokens = len(compact_tokenizer(0, len(had)))
    if len(tokenizer) != n_tokens:
        found = f"{len(tokenizer)} tokens, and {len(had)} items in {ITEMS}"
        raise InputError(found, f"{n_tokens} tokens, and no user named", file=base)
    return model, tokenizer, had


def _item_tokens(tokenizer: Any) -> Tensor:
    """Of all items, in the order of their numbers, (n_items,)."""
    n_items = sum(parse_item(text) is not None for text in tokenizer.get_vocab())
    return torch.tensor(PromptEncoder(tokenizer).catalogue(n_items), dtype=torch.long)[:, 0]


def _vectors(had: Vectors, place: npt.NDArray[np.int64], known: Interactions) -> Vectors:
    """Of every item, (n_items, d): row `place` of `had`, or, where that is -1, what a regression on
    the factors of `known` expects."""
    _, factors = factorise(known, had.shape[1], 1.0)
    common = place >= 0
    inputs = np.column_stack((factors, np.ones(len(factors), np.float32))).astype(np.float64)
    seen = inputs[common]
    penalty = _RIDGE * np.eye(inputs.shape[1])
    penalty[-1, -1] = 0.0  # the mean is not pulled
    weights = np.linalg.lstsq(seen.T @ seen + penalty, seen.T @ had[place[common]], rcond=None)[0]
    vectors = (inputs @ weights).astype(np.float32)
    vectors[common] = had[place[common]]
    return vectors


def _set_rows(model: Any, rows: Tensor) -> None:
    """One matrix for what comes in and what goes out, as the compact model has it."""
    model.resize_token_embeddings(len(rows), mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(rows)
