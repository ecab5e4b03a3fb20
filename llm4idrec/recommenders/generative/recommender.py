"""What the generative recommenders share: training on prompts, and ranking by beam search."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config.recommenders import GenerativeConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.recommenders.base import require_time
from llm4idrec.recommenders.generative.beam import beam_search
from llm4idrec.recommenders.generative.catalogue import Catalogue
from llm4idrec.recommenders.generative.history import fill_up, latest
from llm4idrec.recommenders.generative.indexing import numbers
from llm4idrec.recommenders.generative.model import build_model
from llm4idrec.recommenders.generative.pieces import Pieces, bucketed
from llm4idrec.recommenders.generative.prompts import (
    SEQUENTIAL,
    STRAIGHTFORWARD,
    Templates,
    fixed_texts,
)
from llm4idrec.recommenders.generative.vocabulary import vocabulary_of
from llm4idrec.recommenders.ranking import NO_ITEM, seen_places
from llm4idrec.recommenders.training import Trained

_BEAMS_A_CHUNK = 2048
_WARM_UP = 0.05
"""Share of the epochs over which the learning rate rises."""
_CLIP = 1.0
"""Longest gradient."""


class Generative(Trained):
    """A T5 that reads a prompt and writes the index of the next item.

    A subclass says what the indices are. An epoch has one example a user: a prompt of a random
    template, and a random item of the user's list with the items before it as the history. So all
    users count the same, as in the test, and an epoch is cheap; all the prefixes are seen in time.
    """

    settings: GenerativeConfig

    @abstractmethod
    def index_items(self, train: Interactions, rng: np.random.Generator) -> list[str]:
        """A string for each item, no two alike."""

    def start(self, train: Interactions) -> None:
        require_time(has_time=train.has_time)
        self._train = train
        self._rng = np.random.default_rng(self.seed)
        users = numbers(np.arange(train.n_users))
        index = self.index_items(train, self._rng)
        texts = [*fixed_texts(), *users, *index]
        vocabulary = vocabulary_of(self.settings.name, texts)
        self._pieces = Pieces.of(texts, vocabulary)
        codes = [[*vocabulary.encode(text), *vocabulary.end] for text in index]
        self._catalogue = Catalogue.of(codes).to(self.device)
        self._popular = np.argsort(-train.item_counts, kind="stable")
        with self._random_state():
            self._model = build_model(self.settings, vocabulary.size).to(self.device)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), self.settings.learning_rate, weight_decay=0.01, fused=True
        )
        self._epoch = 0

    @contextmanager
    def _random_state(self) -> Iterator[None]:
        """Within it torch draws from this recommender's seed; afterwards as if nothing was."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(self._rng.integers(1 << 31)))
            yield

    def train_epoch(self) -> float:
        prompts, targets = self._examples()
        encoded, answers = self._pieces.encode(prompts), torch.from_numpy(targets)
        order = torch.from_numpy(self._rng.permutation(len(targets)))
        batches = bucketed(encoded.lengths, self.settings.batch_size, order)
        total = torch.zeros((), device=self.device)
        self._model.train()
        with self._random_state():
            for number, rows in enumerate(batches, 1):
                self._set_rate(self._epoch + number / len(batches))
                tokens, words = encoded.batch(rows, self.device)
                items = answers[rows].to(self.device)
                loss = self._model.loss(tokens, words, items, catalogue=self._catalogue)
                self._optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self._model.parameters(), _CLIP)
                self._optimizer.step()
                total += loss.detach() * len(rows)
        self._epoch += 1
        return float(total) / max(len(targets), 1)

    def _examples(self) -> tuple[LongArray, LongArray]:
        """Prompts (n, width) of pieces and the items to be written (n,), one for each user."""
        lengths = self._train.history_lengths
        users = np.flatnonzero(lengths)
        first = self._train.offsets[users]
        # The first item has nothing in front of it, so it is asked for only where it is alone.
        choice = 1 + (self._rng.random(len(users)) * (lengths[users] - 1)).astype(np.int64)
        place = first + np.minimum(choice, lengths[users] - 1)
        history = latest(self._train.item, first, place, width=self.settings.max_length)
        straightforward = self._rng.random(len(users)) < self.settings.straightforward
        template = np.where(
            straightforward,
            len(SEQUENTIAL) + self._rng.integers(0, len(STRAIGHTFORWARD), len(users)),
            self._rng.integers(0, len(SEQUENTIAL), len(users)),
        )
        history[straightforward] = -1
        return self._prompts(template, users, history), self._train.item[place].astype(np.int64)

    def _prompts(self, template: LongArray, users: LongArray, history: LongArray) -> LongArray:
        n_fixed = len(fixed_texts())
        first_item = len(self._pieces) - len(self._popular)
        shown = np.where(history >= 0, history + first_item, -1)
        return Templates.all().fill(template, users + n_fixed, shown)

    def _set_rate(self, epochs: float) -> None:
        """Rise linearly, then fall linearly to zero at `max_epochs`, as the authors' code does."""
        progress = epochs / self.settings.max_epochs
        factor = min(progress / _WARM_UP, (1 - progress) / (1 - _WARM_UP))
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * max(factor, 0.0)

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        self._model.eval()
        best = np.full((len(users), k), NO_ITEM, np.int32)
        continued = seen if history is None else history
        lengths = continued.history_lengths[users]
        order = np.argsort(lengths, kind="stable")  # rows of a chunk need about the same padding
        step = max(1, _BEAMS_A_CHUNK // max(self.settings.beams, k))
        for start in range(0, len(users), step):
            rows = order[start : start + step]
            best[rows] = self._continue(continued, users[rows], k, seen=seen)
        return best

    @torch.inference_mode()
    def _continue(
        self, history: Interactions, users: IntArray, k: int, *, seen: Interactions
    ) -> LongArray:
        row, item = seen_places(users, history, len(self._popular))
        end = np.cumsum(np.bincount(row, minlength=len(users)))
        first = np.concatenate(([0], end[:-1]))
        shown = latest(item, first, end, width=self.settings.max_length)
        empty = (shown[:, -1] < 0) & (self.settings.straightforward > 0)
        template = np.where(empty, len(SEQUENTIAL), 0)
        prompts = self._prompts(template, users.astype(np.int64), shown)
        everyone = torch.arange(len(users))
        tokens, words = self._pieces.encode(prompts).batch(everyone, self.device)
        available = self._catalogue.trie.available(len(users))
        row, item = seen_places(users, seen, len(self._popular))
        known = torch.from_numpy(row).to(self.device), torch.from_numpy(item).to(self.device)
        available.remove(*known)
        states, mask = self._model.encode(tokens, words)
        beams = max(self.settings.beams, k)
        found = beam_search(
            self._model, states, mask, catalogue=self._catalogue, available=available, beams=beams
        )[0].cpu()
        ranked = np.full((len(users), k), NO_ITEM, np.int64)
        ranked[:, : found.shape[1]] = found[:, :k].numpy()
        return fill_up(ranked, row, item, popular=self._popular)

    def state(self) -> dict[str, Tensor]:
        weights = {f"model.{n}": p.detach().clone() for n, p in self._model.named_parameters()}
        return weights | {
            "index.codes": self._catalogue.codes,
            "index.popular": torch.from_numpy(self._popular),
            "pieces.tokens": torch.from_numpy(self._pieces.tokens),
            "pieces.starts": torch.from_numpy(self._pieces.starts),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        self._catalogue = Catalogue(state["index.codes"].cpu()).to(self.device)
        self._popular = state["index.popular"].cpu().numpy()
        self._pieces = Pieces(
            state["pieces.tokens"].cpu().numpy(), state["pieces.starts"].cpu().numpy()
        )
        n_tokens = len(state["model.t5.shared.weight"])
        with torch.random.fork_rng(devices=[]):
            model = build_model(self.settings, n_tokens, pretrained=False)
        weights = {n.removeprefix("model."): p for n, p in state.items() if n.startswith("model.")}
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(weights[name])
        self._model = model.to(self.device)
