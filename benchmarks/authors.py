"""The language model's part as the authors' released code does it, for `llm` to compare with.

Prompts in words for 20 cuts of each user's shuffled list; tuning with a loss on the whole text, in
batches padded to their longest; generation of free text by transformers, filtered afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.prompts import SHORTEST_HISTORY, Prompt, parse_item, question_text

CUTS, BATCH, ACCUMULATION, RATE = 20, 8, 4, 1e-3
ANSWERS_TOGETHER, NEW_TOKENS, TEMPERATURE, TOP_P = 16, 200, 0.8, 0.9


def cut_lists(train: Interactions, longest: int, seed: int) -> list[Prompt]:
    """20 random cuts of every user's shuffled list, of which `longest` items are used."""
    prompts = []
    for user in np.flatnonzero(train.history_lengths >= SHORTEST_HISTORY).tolist():
        random = np.random.default_rng((seed, user))
        items = random.permutation(train.items_of(user))[:longest].tolist()
        for cut in random.integers(1, len(items), CUTS).tolist():
            prompts.append(Prompt(user, "fully", tuple(items[:cut]), tuple(items[cut:]), True))
    return prompts


def tune(
    model: Any, tokenizer: Any, prompts: Sequence[Prompt], *, seconds: float, seed: int
) -> tuple[int, int]:
    """Train with `prompts` in an order by `seed`; (prompts seen, optimizer steps).

    `model` is transformers' with an adapter, which is trained in place, and `tokenizer` its own;
    `seconds` are those of the CPU that it has.
    """
    tokenizer.padding_side = "left"
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE)
    order = np.random.default_rng(seed).permutation(len(prompts))
    began, seen, steps = time.process_time(), 0, 0
    model.train()
    while time.process_time() - began < seconds:
        rows = [prompts[row] for row in order[np.arange(seen, seen + BATCH) % len(order)]]
        texts = [f"{p.question_text} {p.answer_text}{tokenizer.eos_token}" for p in rows]
        batch = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(**batch, labels=labels, use_cache=False).loss / ACCUMULATION
        torch.autograd.backward(loss)
        seen += len(rows)
        if seen % (BATCH * ACCUMULATION) == 0:
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            steps += 1
    model.eval()
    return seen, steps


@torch.inference_mode()
def generate(
    model: Any,
    tokenizer: Any,
    train: Interactions,
    *,
    longest: int,
    users: Sequence[int],
    seed: int,
) -> dict[int, list[str]]:
    """What is between commas and blanks in one answer for each of `users`.

    `model` is transformers', tuned, and `tokenizer` its own; a question has the first items of the
    user in `train`, at most `longest`; `seed` is that of the sampling.
    """
    tokenizer.padding_side = "left"
    torch.manual_seed(seed)
    answers: dict[int, list[str]] = {}
    for start in range(0, len(users), ANSWERS_TOGETHER):
        part = list(users[start : start + ANSWERS_TOGETHER])
        texts = [question_text(u, train.items_of(u)[:longest].tolist(), words=True) for u in part]
        batch = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
        written = model.generate(
            **batch,
            do_sample=True,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            top_k=0,
            max_new_tokens=NEW_TOKENS,
        )
        new = written[:, batch["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        answers |= {u: text.replace(",", " ").split() for u, text in zip(part, texts, strict=True)}
    return answers


def accepted(answers: dict[int, list[str]], train: Interactions) -> int:
    """Distinct items of the catalogue that the user has not seen."""
    found = {
        (user, parse_item(word))
        for user, words in answers.items()
        for word in words
        if is_item(word, train)
    }
    return sum(item not in train.items_of(user) for user, item in found)


def is_item(word: str, train: Interactions) -> bool:
    number = parse_item(word)
    return number is not None and number < train.n_items
