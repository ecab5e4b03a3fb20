"""A process of `llm`: tunes an adapter, or generates with one, and prints what it took as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import authors
from benchmarks.pipe import peak_mb
from llm4idrec.config import AdapterConfig, GenerationConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.generation.generator import Generator
from llm4idrec.generation.next_item import ItemProbabilities
from llm4idrec.language_model.adapter import PromptBatches, add_adapter, load_tuned_model
from llm4idrec.language_model.base_model import load_base_model
from llm4idrec.language_model.causal_training import Schedule, train_causal
from llm4idrec.language_model.id_tokens import id_tokens
from llm4idrec.language_model.prompt_files import PackedPrompts
from llm4idrec.language_model.prompts import question_text
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.nn.catalogue_trie import CatalogueTrie

SEED, CPU = 0, torch.device("cpu")
WORDS = {True: ListsConfig(users=True, words=True), False: ListsConfig()}
"""The authors' prompts, and ours."""


@dataclass(frozen=True)
class Job:
    """What a process is to do; paths are text."""

    train: str
    valid: str
    base_model: str
    adapter: str
    """Written by `tune`, read by `generate`."""
    tuning: dict[str, Any]
    """Keys of `AdapterConfig`."""
    loop: str
    """authors or ours."""
    words: bool
    """Whether prompts are in words, with the user."""
    seconds: float
    """Of the CPU, to tune for; each way to generate has at least a third of it."""
    longest: int
    """Most items of a list."""
    users: int
    """How many are asked for a loss, and for items."""
    items: int
    """How many ours generates for each user."""


def tune(job: Job) -> dict[str, float]:
    """What the loop got through, and the loss that it got to: that of each validation item, as a
    whole and among those of the catalogue, in nats."""
    train, valid = Interactions.read(Path(job.train)), Interactions.read(Path(job.valid))
    prompts = authors.cut_lists(train, job.longest, SEED)
    model, tokenizer = _with_adapter(job)
    if job.loop == "authors":
        began = time.process_time()
        seen, steps = authors.tune(model, tokenizer, prompts, seconds=job.seconds, seed=SEED)
        seconds = time.process_time() - began
    else:
        user = (lambda p: p.user) if job.words else (lambda _: None)
        packed = PackedPrompts(replace(p, user=user(p), words=job.words) for p in prompts)
        _, pace = _our_loop(job, model, tokenizer, prompts=packed, steps=2)
        model, tokenizer = _with_adapter(job)
        steps = max(2, round(job.seconds / pace * 2))
        seen, seconds = _our_loop(job, model, tokenizer, prompts=packed, steps=steps)
    memory = peak_mb()
    model.save_pretrained(job.adapter, save_embedding_layers=False)
    base = model.get_base_model()
    loss = _validation_loss(job, base, tokenizer, train=train, valid=valid)
    return {"prompts": seen, "updates": steps, "cpu": seconds, "peak_mb": memory, "loss": loss}


def _with_adapter(job: Job) -> tuple[Any, Any]:
    torch.manual_seed(SEED)
    config = AdapterConfig(**job.tuning)
    model, tokenizer = load_base_model(Path(job.base_model), CPU, config.precision)
    return add_adapter(model, config, id_tokens(tokenizer)), tokenizer


def _our_loop(
    job: Job, model: Any, tokenizer: Any, *, prompts: PackedPrompts, steps: int
) -> tuple[int, float]:
    """Train the adapter of `model` with the settings of `job`, for `steps` updates of the optimizer
    on `prompts`, encoded with `tokenizer`; (prompts seen, CPU seconds)."""
    config = AdapterConfig(**job.tuning | {"steps": steps})
    batches = PromptBatches(prompts, PromptEncoder(tokenizer), config, seed=SEED)
    schedule = Schedule(config.learning_rate, config.accumulation, config.precision, steps, SEED)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        train_causal(model, batches, schedule, folder=Path(folder), title="ours")
    return steps * config.batch_size * config.accumulation, time.process_time() - began


@torch.inference_mode()
def _validation_loss(
    job: Job, model: Any, tokenizer: Any, *, train: Interactions, valid: Interactions
) -> float:
    """The mean over the items of `valid` of the first users, as many as `job` says, in nats;
    questions have their items in `train`, as `tokenizer` encodes them for `model`."""
    encoder = PromptEncoder(tokenizer)
    trie = CatalogueTrie(encoder.catalogue(train.n_items), encoder.separator)
    probabilities = ItemProbabilities(model.eval(), trie, encoder.pad)
    losses: list[float] = []
    for user in range(job.users):
        items = np.random.default_rng(user).permutation(train.items_of(user))[: job.longest]
        text = question_text(user if job.words else None, items.tolist(), job.words)
        p = probabilities(encoder.questions([text]))[0, valid.items_of(user).tolist()]
        losses += (-p.clamp(min=1e-30).log()).tolist()
    return float(np.mean(losses))


def generate(job: Job) -> dict[str, dict[str, float]]:
    """Accepted items and CPU seconds of each way to generate with one tuned model."""
    train = Interactions.read(Path(job.train))
    language_model = load_tuned_model(Path(job.base_model), Path(job.adapter), CPU)
    model, tokenizer = language_model
    users = range(job.users)

    def ours(**changes: Any) -> Callable[[], dict[int, list[str]]]:
        common = {"views": 1, "items": job.items, "history": job.longest, "batch_size": job.users}
        config = GenerationConfig(**common | changes)
        generator = Generator(language_model, train, config, lists=WORDS[job.words], seed=SEED)
        return lambda: _by_user(generator, users)

    restricted = ours(method="sample")
    _, tokens = _counted(model, restricted)
    ways = {
        "sample": restricted,
        "next_item": ours(method="next_item"),
        "free text": ours(method="sample", restrict="none", max_new_tokens=tokens),
    }
    if job.words:
        ways["authors"] = lambda: authors.generate(
            model, tokenizer, train, longest=job.longest, users=users, seed=SEED
        )
    return _timed(model, ways, train, seconds=job.seconds / 3)


def _by_user(generator: Generator, users: Sequence[int]) -> dict[int, list[str]]:
    table = generator.candidates(np.asarray(users))
    answers: dict[int, list[str]] = {user: [] for user in users}
    for user, text in zip(table["user"].to_pylist(), table["text"].to_pylist(), strict=True):
        answers[user].append(text)
    return answers


def _timed(
    model: Any,
    ways: dict[str, Callable[[], dict[int, list[str]]]],
    train: Interactions,
    *,
    seconds: float,
) -> dict[str, dict[str, float]]:
    """Of one run of each way; the short ones are run in turn until each has had `seconds`."""
    spent = dict.fromkeys(ways, 0.0)
    runs = dict.fromkeys(ways, 0)
    found: dict[str, dict[str, float]] = {}
    while short := [name for name in ways if spent[name] < seconds]:
        for name in short:
            began = time.process_time()
            answers, passes = _counted(model, ways[name])
            spent[name] += time.process_time() - began
            runs[name] += 1
            found[name] = {
                "passes": passes,
                "said": sum(map(len, answers.values())),
                "accepted": authors.accepted(answers, train),
                "invalid": sum(not authors.is_item(w, train) for w in chain(*answers.values())),
            }
    return {name: {"cpu": spent[name] / runs[name]} | way for name, way in found.items()}


def _counted(
    model: Any, way: Callable[[], dict[int, list[str]]]
) -> tuple[dict[int, list[str]], int]:
    """The answers, and the model's forward passes: one for the questions, and for each token."""
    passes: list[int] = []
    hook = model.get_input_embeddings().register_forward_pre_hook(lambda *_: passes.append(1))
    answers = way()
    hook.remove()
    return answers, len(passes)


if __name__ == "__main__":
    task, job = sys.argv[1:]
    print(json.dumps({"tune": tune, "generate": generate}[task](Job(**json.loads(job)))))
