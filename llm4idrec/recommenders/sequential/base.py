"""What the sequential recommenders share: the transformer, its training and its ranking."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from llm4idrec.config.recommenders import SequentialConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.nn.factorisation import factorise
from llm4idrec.nn.running_mean import RunningMean
from llm4idrec.nn.sampled_softmax import sampled_softmax_loss
from llm4idrec.recommenders.base import require_time
from llm4idrec.recommenders.products import products
from llm4idrec.recommenders.ranking import rank_scores
from llm4idrec.recommenders.sequential.sequences import Batch, Sequences, pack
from llm4idrec.recommenders.sequential.transformer import Dropout, Transformer
from llm4idrec.recommenders.training import Trained

_ENCODED = 1024
"""Sequences encoded at once for ranking."""
_START = 0.1
"""Root mean square of the entries of the factorisation that item vectors start from."""


class Sequential(Trained):
    """Encodes the latest items of a history; an item's score is its vector times the result.

    Ranking continues a history and needs no user from training. A training history
    needs two items or more to teach anything. What ranks has the running mean of the weights.
    """

    settings: SequentialConfig
    bidirectional: ClassVar[bool] = False
    """Whether an item looks at later ones too; the activation is then GELU, else ReLU."""

    def start(self, train: Interactions) -> None:
        require_time(has_time=train.has_time)
        self._rng = np.random.default_rng(self.seed)
        self._dropout = Dropout(self.settings.dropout, self.seed, self.device)
        self._model = self._new_model(train.n_items)
        self._model.initialise(self.seed)
        if not self.bidirectional:
            self._start_items(train)
        self._optimizer = torch.optim.Adam(
            self._model.parameters(), self.settings.learning_rate, fused=True
        )
        self._mean: RunningMean | None = RunningMean(dict(self._model.named_parameters()))

    def _start_items(self, train: Interactions) -> None:
        """Add a factorisation to the item vectors that were drawn, so that items with the same
        users begin apart. It halves the epochs where lists are long, as with the language model; a
        model that looks both ways does not learn sooner from there which way time goes."""
        _, items = factorise(train, self.settings.embedding_size, _START)
        with torch.no_grad():
            self._model.items[:-1] += self.tensor(items)

    def _new_model(self, n_items: int) -> Transformer:
        return Transformer.empty(
            self.settings, n_items, gaussian=self.bidirectional, device=self.device
        )

    @property
    def n_items(self) -> int:
        """Size of the catalogue of training; the next number stands for a hidden item."""
        return len(self._model.items) - 1

    @abstractmethod
    def losses(self) -> Iterator[tuple[Tensor, int]]:
        """The mean loss of each batch of a new epoch, and over how many predictions."""

    def train_epoch(self) -> float:
        if self._mean is None:
            raise RuntimeError("nothing to train on, expected a call of start before")
        total, count = torch.zeros((), device=self.device), 0
        for loss, size in self.losses():
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._mean.update()
            total += loss.detach() * size
            count += size
        return float(total) / max(count, 1)

    def recommend(
        self, users: IntArray, k: int, seen: Interactions, *, history: Interactions | None = None
    ) -> IntArray:
        distinct = np.unique(users)
        sequences = self.continued(seen if history is None else history, distinct)
        with self._averaged():
            vectors = self.encode(sequences)
            items = self._model.items.detach()[:-1].clone()

        def score(chunk: IntArray) -> Tensor:
            rows = self.tensor(np.searchsorted(distinct, chunk))
            return products(vectors[rows], items)

        return rank_scores(score, users, k, seen=seen, n_items=len(items))

    def continued(self, history: Interactions, users: IntArray) -> Sequences:
        """The sequences at whose ends the users' next items are predicted."""
        return Sequences.latest(
            history, users, n_items=self.n_items, max_length=self.settings.max_length
        )

    @torch.no_grad()
    def encode(self, sequences: Sequences) -> Tensor:
        """The vector at the end of each sequence, (m, d); zeros for an empty one."""
        ends = torch.zeros(len(sequences), self.settings.embedding_size, device=self.device)
        for batch in self.pack(sequences, _ENCODED):
            (vectors,) = self._model.look_up(batch.items)
            hidden = self._model(batch, vectors, causal=not self.bidirectional).flatten(0, 1)
            owner = batch.owner.view(-1)[batch.last]
            ends[owner] = hidden[batch.last]
        return ends

    def draw_items(self) -> Tensor:
        """Distinct items for a batch to be compared with, (m,)."""
        count = min(self.settings.negatives, self.n_items)
        return self.tensor(self._rng.choice(self.n_items, count, replace=False, shuffle=False))

    def cross_entropy(
        self, hidden: Tensor, right: Tensor, others: Tensor, *, targets: Tensor, drawn: Tensor
    ) -> Tensor:
        """`sampled_softmax_loss` over the catalogue: `hidden` (n, d) is to find `targets` (n,),
        with vectors `right` (n, d), among those `drawn` (m,), with vectors `others` (m, d)."""
        return sampled_softmax_loss(
            hidden, right, others, targets=targets, drawn=drawn, n=self.n_items
        )

    def tensor(self, values: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def pack(self, sequences: Sequences, batch_size: int) -> Iterator[Batch]:
        return pack(
            sequences,
            batch_size,
            width=self.settings.max_length,
            empty=self.n_items,
            device=self.device,
        )

    def state(self) -> dict[str, Tensor]:
        with self._averaged():
            return {name: part.clone() for name, part in self._model.state_dict().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._model = self._new_model(len(state["items"]) - 1)
        self._model.load_state_dict(state)
        self._mean = None

    def _averaged(self) -> AbstractContextManager[None]:
        """Inside, the model has the weights that are served."""
        return self._mean.in_place() if self._mean else nullcontext()
