r"""What pretraining is worth to a language model of IDs: SmolLM2, or the same from random weights.

    python -m benchmarks.pretraining pretrained random --learning-rate 3e-4
    python -m benchmarks.pretraining random --tune lora --learning-rate 1e-3 --seeds 1 2 3 --test
    python -m benchmarks.pretraining compact --seeds 1 2 3

All have the same lists of a part of the bundled data (`--users`), a token for each item and
nothing else, and the loss, the stopping and the ranking of the compact model. *pretrained* has the
blocks of SmolLM2-135M (`make smollm2`), *random* has its shape and the weights that transformers
draws; *compact* is the default base model. The item vectors start where a factorisation says: of
*random* around zero, of *pretrained* around a word, as `base_model.id_tokens` has it, so that both
begin with equal odds for all items. `--tune all` trains everything, `lora` the item vectors and
low-rank updates of all linear layers. Matrices are multiplied in bfloat16, but the compact model's,
on one thread. NDCG@20 is that of the model's own ranking; `--test` looks at the test set too, with
validation read as part of the history. `--folder` keeps what a killed run goes on from.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.pipe import ROOT
from llm4idrec.artifacts import HELDOUT, INTERACTIONS, TRAIN
from llm4idrec.config import AdapterConfig, BaseModelConfig, Config, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.known import known_before_test
from llm4idrec.flow import run_stage
from llm4idrec.language_model.adapter import add_adapter
from llm4idrec.language_model.base_model import new_compact_model
from llm4idrec.language_model.early_stopping import train_until_best
from llm4idrec.language_model.list_batches import ListBatches, ListTokens
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.language_model.smollm2 import smollm2_folder
from llm4idrec.language_model.tail import Tail
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.nn.factorisation import factorise
from llm4idrec.stages import STAGES

LISTS = ListsConfig(order="time")
TRAINING = {"patience": 4, "max_epochs": 16, "batch_tokens": 256}
"""Of the large ones. As the lists are few, small batches: they need steps."""
SPREAD = {"pretrained": 0.01, "random": 0.02}
"""Root mean square of what item vectors differ by: a tenth of what SmolLM2's words do, as in
`id_tokens.SPREAD`; what transformers draws."""
WORD = "i"
"""What the spelling of an item begins with."""
LONGEST = 256
"""Tokens of a list that are read."""
FACTORS = 64
"""Dimensions of the factorisation, as many as the compact model has."""
COLUMNS = (
    "start", "tune", "learning_rate", "seed", "epochs", "tail", "validation", "test", "CPU_s",
    "weights",
)  # fmt: skip
TEMPLATE = "{:10} {:4} {:13} {:4} {:6} {:>7} {:>10} {:>7} {:>6} {:>7}"


class Data(NamedTuple):
    """What is learnt from and judged by, and how it is written."""

    train: Interactions
    valid: Interactions
    test: Interactions
    tokens: ListTokens
    encoder: PromptEncoder


class Arm(NamedTuple):
    """What is compared."""

    start: str
    tune: str
    learning_rate: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pretraining",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("starts", nargs="+", choices=("pretrained", "random", "compact"))
    parser.add_argument("--tune", choices=("all", "lora"), default="all")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--users", type=float, default=0.4, help="share of the bundled users")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--test", action="store_true")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="pretraining-") as temporary:
        folder = (chosen.folder or Path(temporary)).absolute()
        data = _read(folder / "data", chosen.users)
        print(f"{data.train.n_users} users, {data.train.n_items} items, {len(data.train)} pairs")
        print(TEMPLATE.format(*COLUMNS), flush=True)
        for start in chosen.starts:
            arm = Arm(start, chosen.tune, chosen.learning_rate)
            for seed in chosen.seeds:
                print(_line(data, arm, seed=seed, folder=folder, test=chosen.test), flush=True)


def _read(folder: Path, users: float) -> Data:
    """The data as the default run splits them, of a share of the users."""
    if not (folder / TRAIN.name).is_dir():
        config = Config.read(ROOT / "params.yaml")
        changes = {"sample_users": users, "path": ROOT / config.data.path}
        data = config.data.model_copy(update=changes)
        run_stage(STAGES["prepare"], config.model_copy(update={"data": data}), folder)
    train = Interactions.read(folder / TRAIN.name / INTERACTIONS)
    valid, test = (
        Interactions.read(folder / HELDOUT.name / f"{part}.parquet") for part in ("valid", "test")
    )
    encoder = PromptEncoder(compact_tokenizer(0, train.n_items))
    tokens = ListTokens(encoder, LISTS, n_users=train.n_users, n_items=train.n_items)
    return Data(train, valid, test, tokens, encoder)


def _line(data: Data, arm: Arm, *, seed: int, folder: Path, test: bool) -> str:
    """One training, and what its ranking has."""
    began = time.process_time()
    config = _config(arm)
    rest, tail = Tail.hold_out(data.train, LISTS, seed)
    model = _model(arm, rest, data, config=config, seed=seed)
    batches = ListBatches(rest, data.tokens, config, lists=LISTS, seed=seed)
    training = ListTraining(model, batches, config, seed=seed)
    work = folder / "-".join(map(str, (*arm, seed)))
    work.mkdir(parents=True, exist_ok=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=arm.start != "compact"):
        score = partial(tail.ndcg, model, data.tokens, config.max_length)
        stopping = train_until_best(training, score, config, folder=work)
        found = _ndcg(model, data, data.train, heldout=data.valid)
        seen = known_before_test(data.train, data.valid)
        on_test = f"{_ndcg(model, data, seen, heldout=data.test):.4f}" if test else ""
    tails = [f"{score:.4f}" for score in stopping.scores]
    size = sum(p.numel() for p in training.weights.values()) / 1e6
    shown = TEMPLATE.format(
        *arm, seed, stopping.best, tails[stopping.best - 1], f"{found:.4f}", on_test,
        round(time.process_time() - began), f"{size:.1f}M",
    )  # fmt: skip
    return f"{shown}   {' '.join(tails)}"


def _config(arm: Arm) -> BaseModelConfig:
    compact = Config.read(ROOT / "params.yaml").base_model
    if arm.start == "compact":
        return compact
    return compact.model_copy(update={"learning_rate": arm.learning_rate, **TRAINING})


def _model(arm: Arm, train: Interactions, data: Data, *, config: BaseModelConfig, seed: int) -> Any:
    """An untrained one for the tokens of `data`, that learns from `train`."""
    if arm.start == "compact":
        return new_compact_model(train, data.encoder, config, users=False, seed=seed)
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    pretrained = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype="float32")
    ours = {"vocab_size": len(data.encoder.tokenizer), "pad_token_id": 0, "eos_token_id": 2}
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig.from_dict(pretrained.config.to_dict() | ours))
    if arm.start == "pretrained":
        blocks = {k: v for k, v in pretrained.model.state_dict().items() if "embed_tokens" not in k}
        model.model.load_state_dict(blocks, strict=False)
    _start_items(model, train, data, spread=SPREAD[arm.start], seed=seed)
    if arm.start == "pretrained":
        with torch.no_grad():
            model.get_input_embeddings().weight += _word(pretrained)
    if arm.tune == "lora":
        add_adapter(model, AdapterConfig.model_validate({"preset": "compact"}), [])
        model.get_input_embeddings().weight.requires_grad_(True)
    return model


def _start_items(model: Any, train: Interactions, data: Data, *, spread: float, seed: int) -> None:
    """Every token gets a vector of the root mean square `spread`; that of an item is where a
    factorisation of `train` puts it."""
    weight = model.get_input_embeddings().weight
    _, vectors = factorise(train, FACTORS, spread)
    turned = np.random.default_rng(seed).normal(size=(FACTORS, weight.shape[1]))
    start = (vectors @ turned / np.sqrt(FACTORS)).astype(np.float32)
    with torch.no_grad():
        weight.normal_(0, spread)
        weight[torch.from_numpy(data.tokens.items)] = torch.from_numpy(start)


def _word(pretrained: Any) -> Tensor:
    """The vector that SmolLM2 has for `WORD`, (d,)."""
    from transformers import AutoTokenizer

    (token,) = AutoTokenizer.from_pretrained(smollm2_folder()).encode(WORD)
    vector: Tensor = pretrained.get_input_embeddings().weight[token]
    return vector


def _ndcg(model: Any, data: Data, seen: Interactions, *, heldout: Interactions) -> float:
    """NDCG@20 of the items that go on from `seen`."""
    users = np.flatnonzero(heldout.history_lengths).astype(np.int32)
    histories = [seen.items_of(user) for user in users.tolist()]
    return Tail(users, histories, heldout).ndcg(model, data.tokens, LONGEST)


if __name__ == "__main__":
    main()
