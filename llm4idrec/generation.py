"""Candidates for every user: the tuned model asked about many views of the history."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
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
from llm4idrec.config import GenerationConfig, ListsConfig
from llm4idrec.device import choose_device
from llm4idrec.files import fingerprint, replacing_file, resumable_folder, write_json
from llm4idrec.interactions import Interactions
from llm4idrec.next_item import ItemProbabilities, NextItems
from llm4idrec.prompts import question_text, require_order
from llm4idrec.sampling import sample_items, sample_text
from llm4idrec.tokenization import PromptEncoder
from llm4idrec.trie import CatalogueTrie


def generate_candidates(
    train: Path,
    base_model: Path,
    adapter: Path,
    out: Path,
    config: GenerationConfig,
    lists: ListsConfig,
    seed: int,
    device: str,
) -> None:
    """Write `shard-*.parquet` (see `candidates.SCHEMA`) and `summary.json`.

    Histories are shown as `lists` says, which is to be what the adapter was tuned with.
    Covers all users with a history, and reads the train interactions only. A killed call resumes
    after its last whole shard.
    """
    interactions = Interactions.read(train)
    everyone = np.flatnonzero(interactions.history_lengths)
    shards = np.array_split(everyone, -(-len(everyone) // config.shard_users))
    mark = fingerprint(
        train, base_model, adapter, config=config.model_dump(), lists=lists.model_dump(), seed=seed
    )
    with resumable_folder(out, mark) as folder:
        files = [folder / f"shard-{number:05d}.parquet" for number in range(len(shards))]
        left = [pair for pair in zip(files, shards, strict=True) if not pair[0].exists()]
        if left:
            model, tokenizer = load_tuned_model(base_model, adapter, choose_device(device))
            generator = Generator(model, tokenizer, interactions, config, lists, seed)
            total = len(everyone) * generator.views
            bar = tqdm(total=total, desc="generate", unit="view", file=sys.stderr)
            bar.update(total - sum(len(shard) for _, shard in left) * generator.views)
            for file, shard in left:
                table = generator.candidates(shard, bar)
                with replacing_file(file) as partial:
                    pq.write_table(table, partial)
            bar.close()
        table = read_generations(folder)
        write_json(folder / "summary.json", _summary(table, len(everyone), config))


def _summary(table: pa.Table, n_users: int, config: GenerationConfig) -> dict[str, int]:
    return {
        "users": n_users,
        "answers": n_users * config.views * config.samples,
        "mentions": pc.sum(table["mentions"]).as_py() or 0,
        "candidates": len(table),
    }


class Generator:
    """A tuned model with the catalogue and histories it generates for.

    How a user's history is shown is drawn by `seed` and the user's key, of `keys` (n_users,), whole
    numbers from 0; without keys it is the user's number.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        train: Interactions,
        config: GenerationConfig,
        lists: ListsConfig,
        seed: int,
        keys: Sequence[int] | None = None,
    ) -> None:
        self._keys = range(train.n_users) if keys is None else keys
        self._model, self._encoder = model, PromptEncoder(tokenizer)
        self._train, self._config, self._seed = train, config, seed
        self._lists = lists
        require_order(train, lists)
        alike = config.method == "next_item" and lists.order == "time"
        self.views = 1 if alike else config.views
        self._samples = 1 if config.method == "next_item" else config.samples
        self._device = next(model.parameters()).device
        catalogue = self._encoder.catalogue(train.n_items)
        self._trie = CatalogueTrie(catalogue, self._encoder.separator).to(self._device)

    def candidates(self, users: npt.NDArray[np.int64], bar: Any = None) -> pa.Table:
        """The candidates of some users, rows ordered by user and rank (see `candidates.SCHEMA`)."""
        draws = [
            np.random.default_rng((self._seed, self._keys[user], view))
            for user in users.tolist()
            for view in range(self.views)
        ]
        asked = np.repeat(users, self.views).tolist()
        texts = [self._question(user, draw) for user, draw in zip(asked, draws, strict=True)]
        questions = self._encoder.questions(texts)
        order = sorted(range(len(asked)), key=lambda row: len(questions[row]))
        size = max(1, self._config.batch_size // self._samples)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        if self._config.method == "next_item":
            return self._next_items(users, questions, self._shown(batches, bar))
        return self._answers(asked, questions, draws, self._shown(batches, bar))

    def _shown(self, batches: list[list[int]], bar: Any) -> Iterator[list[int]]:
        for batch in batches:
            yield batch
            if bar is not None:
                bar.update(len(batch))

    def _next_items(
        self,
        users: npt.NDArray[np.int64],
        questions: list[list[int]],
        batches: Iterable[list[int]],
    ) -> pa.Table:
        seen = self._seen(users.tolist())
        probabilities = ItemProbabilities(self._model, self._trie, self._encoder.pad)
        tally = NextItems(len(users), self._train.n_items, seen, self._config.items)
        for batch in batches:
            rows = torch.tensor(batch, device=self._device) // self.views
            tally.add(probabilities([questions[row] for row in batch]), rows)
        return tally.candidates(users)

    def _answers(
        self,
        asked: list[int],
        questions: list[list[int]],
        draws: list[np.random.Generator],
        batches: Iterable[list[int]],
    ) -> pa.Table:
        mentions: list[tuple[int, int, Mention]] = []
        for batch in batches:
            for mention in self._sample(
                [asked[row] for row in batch],
                [questions[row] for row in batch],
                [draws[row] for row in batch],
            ):
                place, answer = divmod(mention.row, self._samples)
                row = batch[place]
                mentions.append((asked[row], row * self._samples + answer, mention))
        return count_votes(mentions)

    def _question(self, user: int, draw: np.random.Generator) -> str:
        items = self._train.items_of(user)
        if self._lists.order == "shuffled":
            items = draw.permutation(items)
        named = user if self._lists.users else None
        shown = items[-self._config.history :].tolist()
        return question_text(named, shown, self._lists.words)

    def _sample(
        self, users: list[int], questions: list[list[int]], draws: list[np.random.Generator]
    ) -> list[Mention]:
        if self._config.restrict == "none":
            uniform = self._uniform(draws, self._config.max_new_tokens)
            return sample_text(self._model, questions, self._encoder, uniform, self._config)
        answering = [user for user in users for _ in range(self._samples)]
        available = self._trie.available(len(answering))
        if self._config.restrict == "unseen":
            self._trie.remove(available, *self._seen(answering))
        uniform = self._uniform(draws, self._config.items * self._trie.depth)
        return sample_items(
            self._model, questions, self._encoder.pad, self._trie, available, uniform, self._config
        )

    def _seen(self, users: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Place in `users` and item of everything they have, both int64 (n,)."""
        seen = [self._train.items_of(user) for user in users]
        row = np.repeat(np.arange(len(users)), [len(items) for items in seen])
        item = np.concatenate(seen).astype(np.int64)
        return torch.from_numpy(row).to(self._device), torch.from_numpy(item).to(self._device)

    def _uniform(self, draws: list[np.random.Generator], length: int) -> torch.Tensor:
        """Of each answer, (answers, length)."""
        shape = (self._samples, length)
        numbers = np.concatenate([draw.random(shape, np.float32) for draw in draws])
        return torch.from_numpy(numbers).to(self._device)
