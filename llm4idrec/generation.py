"""Candidates for every user: many answers sampled from the tuned model, votes counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from llm4idrec.adapter import load_tuned_model
from llm4idrec.candidates import Mention, count_votes, read_generations
from llm4idrec.config import GenerationConfig
from llm4idrec.device import choose_device
from llm4idrec.files import fingerprint, replacing_file, resumable_folder, write_json
from llm4idrec.interactions import Interactions
from llm4idrec.prompts import question_text
from llm4idrec.sampling import sample_items, sample_text
from llm4idrec.tokenization import PromptEncoder
from llm4idrec.trie import CatalogueTrie


def generate_candidates(
    train: Path,
    base_model: Path,
    adapter: Path,
    out: Path,
    config: GenerationConfig,
    seed: int,
    device: str,
) -> None:
    """Write `shard-*.parquet` (see `candidates.SCHEMA`) and `summary.json`.

    Covers all users with a history, and reads the train interactions only. A killed call resumes
    after its last whole shard.
    """
    interactions = Interactions.read(train)
    users = np.flatnonzero(interactions.history_lengths)
    shards = np.array_split(users, -(-len(users) // config.shard_users))
    mark = fingerprint(train, base_model, adapter, config=config.model_dump(), seed=seed)
    with resumable_folder(out, mark) as folder:
        files = [folder / f"shard-{number:05d}.parquet" for number in range(len(shards))]
        left = [pair for pair in zip(files, shards, strict=True) if not pair[0].exists()]
        if left:
            model, tokenizer = load_tuned_model(base_model, adapter, choose_device(device))
            generator = Generator(model, tokenizer, interactions, config, seed)
            bar = tqdm(total=len(users), desc="generate", unit="user", file=sys.stderr)
            bar.update(len(users) - sum(len(shard) for _, shard in left))
            for file, shard in left:
                table = generator.candidates(shard, bar)
                with replacing_file(file) as partial:
                    pq.write_table(table, partial)
            bar.close()
        table = read_generations(folder)
        write_json(folder / "summary.json", _summary(table, len(users), config))


def _summary(table: pa.Table, n_users: int, config: GenerationConfig) -> dict[str, int]:
    return {
        "users": n_users,
        "answers": n_users * config.samples,
        "mentions": pc.sum(table["mentions"]).as_py() or 0,
        "candidates": len(table),
    }


class Generator:
    """A tuned model with the catalogue and histories it generates for."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        train: Interactions,
        config: GenerationConfig,
        seed: int,
    ) -> None:
        self._model, self._encoder = model, PromptEncoder(tokenizer)
        self._train, self._config, self._seed = train, config, seed
        self._device = next(model.parameters()).device
        catalogue = self._encoder.catalogue(train.n_items)
        self._trie = CatalogueTrie(catalogue, self._encoder.separator).to(self._device)

    def candidates(self, users: npt.NDArray[np.int64], bar: Any = None) -> pa.Table:
        """The candidates of some users, rows ordered by user and rank (see `candidates.SCHEMA`)."""
        rows = np.repeat(users, self._config.samples).tolist()
        draws = [
            np.random.default_rng((self._seed, user, number % self._config.samples))
            for number, user in enumerate(rows)
        ]
        texts = [self._question(u, draw) for u, draw in zip(rows, draws, strict=True)]
        questions = self._encoder.questions(texts)
        order = sorted(range(len(rows)), key=lambda row: len(questions[row]))
        mentions: list[tuple[int, int, Mention]] = []
        for start in range(0, len(order), self._config.batch_size):
            batch = order[start : start + self._config.batch_size]
            for mention in self._sample(
                [rows[row] for row in batch],
                [questions[row] for row in batch],
                [draws[row] for row in batch],
            ):
                row = batch[mention.row]
                mentions.append((rows[row], row, mention))
            if bar is not None:
                bar.update(len(batch) / self._config.samples)
        return count_votes(mentions)

    def _question(self, user: int, draw: np.random.Generator) -> str:
        shuffled = draw.permutation(self._train.items_of(user))
        return question_text(user, shuffled[: self._config.history].tolist())

    def _sample(
        self, users: list[int], questions: list[list[int]], draws: list[np.random.Generator]
    ) -> list[Mention]:
        if self._config.restrict == "none":
            uniform = self._uniform(draws, self._config.max_new_tokens)
            return sample_text(self._model, questions, self._encoder, uniform, self._config)
        available = self._trie.available(len(users))
        if self._config.restrict == "unseen":
            seen = [self._train.items_of(user) for user in users]
            row = np.repeat(np.arange(len(users)), [len(items) for items in seen])
            self._trie.remove(
                available,
                torch.from_numpy(row).to(self._device),
                torch.from_numpy(np.concatenate(seen).astype(np.int64)).to(self._device),
            )
        uniform = self._uniform(draws, self._config.items * self._trie.depth)
        return sample_items(
            self._model, questions, self._encoder.pad, self._trie, available, uniform, self._config
        )

    def _uniform(self, draws: list[np.random.Generator], length: int) -> torch.Tensor:
        numbers = np.stack([draw.random(length, np.float32) for draw in draws])
        return torch.from_numpy(numbers).to(self._device)
