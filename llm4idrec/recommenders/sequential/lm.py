"""The compact language model as a recommender: it is asked which item comes next."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from llm4idrec.config import ListsConfig
from llm4idrec.config.recommenders import LMConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.language_model.base_model import compact_model, new_compact_model
from llm4idrec.language_model.list_batches import ListBatches, ListTokens
from llm4idrec.language_model.list_reading import item_vectors, read_lists
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.nn.running_mean import load
from llm4idrec.recommenders.base import require_time
from llm4idrec.recommenders.products import products
from llm4idrec.recommenders.ranking import rank_scores
from llm4idrec.recommenders.sequential.sequences import Sequences
from llm4idrec.recommenders.training import Trained

_LISTS = ListsConfig(order="time")


class LM(Trained):
    """A small Llama (Touvron et al. 2023) whose tokens are items, trained on every list.

    It is the model that the stage `base_model` trains, but that validation says when to stop.
    """

    settings_type: ClassVar[type[LMConfig]] = LMConfig
    settings: LMConfig

    def start(self, train: Interactions) -> None:
        require_time(has_time=train.has_time)
        config = self.settings.base_model()
        encoder = self._set_tokens(train.n_items)
        self._model = new_compact_model(train, encoder, config, users=False, seed=self.seed)
        self._model.to(self.device)
        batches = ListBatches(train, self._tokens, config, lists=_LISTS, seed=self.seed)
        self._training: ListTraining | None = ListTraining(
            self._model, batches, config, seed=self.seed
        )

    def train_epoch(self) -> float:
        if self._training is None:
            raise RuntimeError("nothing to train on, expected a call of start before")
        return float(np.mean(list(self._training.run_epoch())))

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        distinct, n_items = np.unique(users), len(self._tokens.items)
        longest = self.settings.max_length - self._tokens.frame
        continued = seen if history is None else history
        latest = Sequences.latest(continued, distinct, n_items=n_items, max_length=longest)
        ends = latest.starts + latest.lengths
        lists = [
            self._tokens.question(0, latest.items[start:end])
            for start, end in zip(latest.starts.tolist(), ends.tolist(), strict=True)
        ]
        with self._averaged(), torch.no_grad():
            vectors = read_lists(self._model, lists, self._tokens.padding)
            items = item_vectors(self._model, self._tokens)

        def score(chunk: IntArray) -> Tensor:
            rows = torch.from_numpy(np.searchsorted(distinct, chunk)).to(self.device)
            return products(vectors[rows], items)

        return rank_scores(score, users, k, seen=seen, n_items=n_items)

    def state(self) -> dict[str, Tensor]:
        with self._averaged():
            return {name: w.detach().clone() for name, w in self._model.named_parameters()}

    def restore(self, state: dict[str, Tensor]) -> None:
        n_tokens = len(state["model.embed_tokens.weight"])
        self._set_tokens(n_tokens - len(compact_tokenizer(0, 0)))
        self._model = compact_model(n_tokens, self.settings.base_model()).to(self.device).eval()
        load(dict(self._model.named_parameters()), state)
        self._training = None

    def _set_tokens(self, n_items: int) -> PromptEncoder:
        encoder = PromptEncoder(compact_tokenizer(0, n_items))
        self._tokens = ListTokens(encoder, _LISTS, n_users=0, n_items=n_items)
        return encoder

    def _averaged(self) -> AbstractContextManager[None]:
        """Inside, the model has the weights that are served."""
        return self._training.averaged() if self._training else nullcontext()
