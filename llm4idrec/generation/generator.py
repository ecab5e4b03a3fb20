"""Candidates for every user, in shards: a model asked about many views of the history."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from llm4idrec.config import GenerationConfig, ListsConfig
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions
from llm4idrec.generation.mentions import Mention, count_votes
from llm4idrec.generation.next_item import ItemProbabilities, NextItems
from llm4idrec.generation.sampling import sample_items, sample_text
from llm4idrec.language_model.adapter import load_tuned_model
from llm4idrec.language_model.base_model import LanguageModel, load_base_model
from llm4idrec.language_model.prompts import question_text, require_order
from llm4idrec.language_model.tokenization import PromptEncoder
from llm4idrec.nn.catalogue_trie import CatalogueTrie
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import (
    fingerprint,
    replacing_file,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.runtime.workers import in_this_process, worker_pool


@dataclass(frozen=True)
class Generation:
    """What shapes the candidates, and where they are made: plain data, cheap to send."""

    known: Path
    """File of the interactions that are known; no others are read."""
    base_model: Path
    """Folder, as is the adapter's."""
    adapter: Path | None
    """None: the model without its adapter. If items have tokens of their own in a pretrained model,
    these then have the vectors that tuning starts from, to which a factorisation of what is known
    gave their directions: nobody tuned them, but they are not blank."""
    config: GenerationConfig
    lists: ListsConfig
    """How histories are shown, which is to be what the adapter was tuned with."""
    seed: int
    device: str
    """As in `choose_device`."""

    def fingerprint(self) -> str:
        """A hash of all that shapes the candidates."""
        return fingerprint(
            self.known,
            self.base_model,
            *([self.adapter] if self.adapter else []),
            adapted=self.adapter is not None,
            config=self.config.model_dump(),
            lists=self.lists.model_dump(),
            seed=self.seed,
        )


def generate_candidates(generation: Generation, out: Path, *, threads: int) -> None:
    """Write `shard-*.parquet` (see `candidates.SCHEMA`) and `summary.json`.

    Covers all users with a history. A killed call resumes after its last whole shard. With
    `LLM4IDREC_RAY` shards are made side by side (`workers`), each on so many `threads`.
    """
    users = _user_shards(Interactions.read(generation.known), generation.config)
    n_users = sum(map(len, users))
    mark = generation.fingerprint()
    with resumable_folder(out, mark) as work:
        shards = Shards(generation, work, mark)
        title = "generate" if generation.adapter else "generate without adapter"
        bar = tqdm(total=n_users, desc=title, unit="user", file=sys.stderr)

        def left() -> list[int]:
            """Numbers of the shards that are not there; all others count as shown."""
            numbers = [number for number in range(len(users)) if not shards.file(number).exists()]
            bar.n = n_users - sum(len(users[number]) for number in numbers)
            bar.refresh()
            return numbers

        with bar, worker_pool(1, threads) as run:
            write = partial(shards.write, bar=bar) if in_this_process(1) else shards.write
            for _ in run(write, left()):
                left()
        with replacing_folder(out) as folder:
            for number in range(len(users)):
                shutil.copyfile(shards.file(number), folder / shards.file(number).name)
            table = read_generations(folder)
            write_json(folder / "summary.json", _summary(table, n_users, generation.config))


def _user_shards(known: Interactions, config: GenerationConfig) -> list[npt.NDArray[np.int64]]:
    """All users with a history, in parts of at most `config.shard_users`."""
    everyone = np.flatnonzero(known.history_lengths)
    return np.array_split(everyone, -(-len(everyone) // config.shard_users))


@dataclass(frozen=True)
class Shards:
    """What any process needs to generate a shard."""

    generation: Generation
    folder: Path
    """Where the shards are."""
    mark: str
    """The generation's fingerprint: for the same, a process loads the model once."""

    def file(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.parquet"

    def write(self, number: int, bar: Any = None) -> None:
        """The candidates of the users of a shard; `bar` is told of each batch."""
        generator, users = _loaded(self)
        table = generator.candidates(users[number], bar)
        with replacing_file(self.file(number)) as partial_file:
            pq.write_table(table, partial_file)


@lru_cache(maxsize=1)
def _loaded(shards: Shards) -> tuple[Generator, list[npt.NDArray[np.int64]]]:
    given = shards.generation
    known, device = Interactions.read(given.known), choose_device(given.device)
    if given.adapter is None:
        language_model = load_base_model(given.base_model, device)
    else:
        language_model = load_tuned_model(given.base_model, given.adapter, device)
    generator = Generator(language_model, known, given.config, lists=given.lists, seed=given.seed)
    return generator, _user_shards(known, given.config)


def _summary(table: pa.Table, n_users: int, config: GenerationConfig) -> dict[str, int]:
    return {
        "users": n_users,
        "answers": n_users * config.views * config.samples,
        "mentions": pc.sum(table["mentions"]).as_py() or 0,
        "candidates": len(table),
    }


class Generator:
    """A model with the catalogue and histories it generates for, those of `known`.

    `language_model` is on the device where it is asked; `config` says how it is
    asked, `lists` how a history is shown; what of that is drawn is drawn by `seed` and the user's
    key, of `keys` (n_users,), whole numbers from 0; without keys it is the user's number.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        known: Interactions,
        config: GenerationConfig,
        *,
        lists: ListsConfig,
        seed: int,
        keys: Sequence[int] | None = None,
    ) -> None:
        self._model, self._encoder = language_model.model, PromptEncoder(language_model.tokenizer)
        self._config, self._lists, self._seed = config, lists, seed
        self._views, self._samples = config.asked(lists)
        self._device = next(self._model.parameters()).device
        catalogue = self._encoder.catalogue(known.n_items)
        self._trie = CatalogueTrie(catalogue, self._encoder.separator).to(self._device)
        if config.method == "next_item":
            self._probabilities = ItemProbabilities(self._model, self._trie, self._encoder.pad)
        self._know(known, keys)

    def knowing(self, known: Interactions, keys: Sequence[int] | None = None) -> Generator:
        """The same for other histories, with items of the same catalogue, and other keys."""
        other = copy(self)
        other._know(known, keys)
        return other

    def _know(self, known: Interactions, keys: Sequence[int] | None) -> None:
        require_order(self._lists, has_time=known.has_time)
        self._known, self._keys = known, range(known.n_users) if keys is None else keys

    def candidates(self, users: npt.NDArray[np.int64], bar: Any = None) -> pa.Table:
        """The candidates of some users, rows ordered by user and rank (see `candidates.SCHEMA`)."""
        draws = [
            np.random.default_rng((self._seed, self._keys[user], view))
            for user in users.tolist()
            for view in range(self._views)
        ]
        asked = np.repeat(users, self._views).tolist()
        texts = [self._question(user, draw) for user, draw in zip(asked, draws, strict=True)]
        questions = self._encoder.questions(texts)
        order = sorted(range(len(asked)), key=lambda row: len(questions[row]))
        size = max(1, self._config.batch_size // self._samples)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        if self._config.method == "next_item":
            return self._next_items(users, questions, self._shown(batches, bar))
        return self._answers(asked, questions, draws, batches=self._shown(batches, bar))

    def _shown(self, batches: list[list[int]], bar: Any) -> Iterator[list[int]]:
        before, done = bar.n if bar is not None else 0, 0
        for batch in batches:
            yield batch
            done += len(batch)
            if bar is not None:  # a sum of fractions could end beyond the total, which tqdm minds
                bar.n = before + done / self._views
                bar.update(0)

    def _next_items(
        self,
        users: npt.NDArray[np.int64],
        questions: list[list[int]],
        batches: Iterable[list[int]],
    ) -> pa.Table:
        seen = self._seen(users.tolist())
        tally = NextItems(len(users), self._known.n_items, seen=seen, n=self._config.items)
        for batch in batches:
            rows = torch.tensor(batch, device=self._device) // self._views
            tally.add(self._probabilities([questions[row] for row in batch]), rows)
        return tally.candidates(users)

    def _answers(
        self,
        asked: list[int],
        questions: list[list[int]],
        draws: list[np.random.Generator],
        *,
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
        items = self._known.items_of(user)
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
            return sample_text(
                self._model, questions, self._encoder, uniform=uniform, config=self._config
            )
        answering = [user for user in users for _ in range(self._samples)]
        available = self._trie.available(len(answering))
        if self._config.restrict == "unseen":
            available.remove(*self._seen(answering))
        uniform = self._uniform(draws, self._config.items * self._trie.depth)
        return sample_items(
            self._model,
            questions,
            available,
            padding=self._encoder.pad,
            uniform=uniform,
            config=self._config,
        )

    def _seen(self, users: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Place in `users` and item of everything they have, both int64 (n,)."""
        seen = [self._known.items_of(user) for user in users]
        row = np.repeat(np.arange(len(users)), [len(items) for items in seen])
        item = np.concatenate(seen).astype(np.int64)
        return torch.from_numpy(row).to(self._device), torch.from_numpy(item).to(self._device)

    def _uniform(self, draws: list[np.random.Generator], length: int) -> torch.Tensor:
        """Of each answer, (answers, length)."""
        shape = (self._samples, length)
        numbers = np.concatenate([draw.random(shape, np.float32) for draw in draws])
        return torch.from_numpy(numbers).to(self._device)
