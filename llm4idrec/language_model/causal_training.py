"""The training loop of causal language models, base and adapter alike: resumable, seeded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import cross_entropy, embedding
from tqdm import tqdm

from llm4idrec.errors import DivergenceError
from llm4idrec.language_model import checkpoint
from llm4idrec.language_model.processes import Processes
from llm4idrec.language_model.weights import REMEDY, Weights
from llm4idrec.nn.sampled_softmax import sampled_softmax_loss
from llm4idrec.runtime.files import replacing_file

IGNORED = -100
"""Label of a token that does not count in the loss (the convention of transformers)."""
WARM_UP = 0.1
"""Share of the steps in which the learning rate rises to its peak."""
WINDOW = 10
"""Steps whose mean loss is compared with that of the first ones."""
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PLAIN_HEADS = ("llama", "mistral", "qwen2", "qwen3")


@dataclass(frozen=True)
class Batch:
    """Token numbers and labels, both int64 of shape (sequences, longest), padded on the right."""

    input_ids: Tensor
    labels: Tensor

    @classmethod
    def pad(cls, sequences: Sequence[tuple[list[int], int]], padding: int) -> Batch:
        """From (tokens, number of leading tokens that do not count in the loss) pairs."""
        longest = max(len(tokens) for tokens, _ in sequences)
        input_ids = torch.full((len(sequences), longest), padding)
        labels = torch.full((len(sequences), longest), IGNORED)
        for row, (tokens, skipped) in enumerate(sequences):
            input_ids[row, : len(tokens)] = torch.tensor(tokens)
            labels[row, skipped : len(tokens)] = input_ids[row, skipped : len(tokens)]
        return cls(input_ids, labels)


class Batches(Protocol):
    """A fixed number of batches; asking for one twice gives the same."""

    def __len__(self) -> int: ...

    def __getitem__(self, step: int) -> Batch: ...


@dataclass(frozen=True)
class Schedule:
    """How `train_causal` optimises."""

    learning_rate: float
    accumulation: int
    """Batches whose mean gradient makes a step."""
    precision: str
    """A key of `PRECISIONS`."""
    checkpoint_every: int
    """Steps."""
    seed: int
    """Of all that is drawn while training."""
    negatives: int | None = None
    """Tokens drawn for each batch that the right ones are told from, None for all."""

    def rate(self, step: int, steps: int) -> float:
        """Linear warm-up, then a cosine to a tenth of the peak."""
        warm = max(1, round(WARM_UP * steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        progress = (step - warm) / max(1, steps - warm)
        return self.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def train_causal(
    model: Any,
    batches: Batches,
    schedule: Schedule,
    *,
    folder: Path,
    title: str,
    processes: Processes | None = None,
) -> pa.Table:
    """Train the parameters of `model` that require gradients; return the history of the loss.

    `model` is a causal one of transformers, on the device where it is to be trained, `batches` are
    those of all its steps, `schedule.accumulation` a step. `folder` keeps the last checkpoint; a
    call with the same arguments goes on from there and ends with the same weights as one that was
    never interrupted. `title` names the bar of progress. Of several `processes` that call it each
    takes a share of the batches of a step, and the first writes. Raises `DivergenceError` when the
    loss or a weight is not finite, or the loss grows; such weights are never written.
    """
    device = next(model.parameters()).device
    processes = processes or Processes(device)
    weights = Weights(
        model,
        schedule.learning_rate,
        scaled=schedule.precision == "float16",
    )
    steps = len(batches) // schedule.accumulation
    losses = _restored(weights, folder)
    start = len(losses)
    processes.require_same(start, "checkpoint")
    model.train()
    quiet = not processes.main
    bar = tqdm(total=steps, initial=start, desc=title, unit="step", mininterval=1, disable=quiet)
    for step in range(start, steps):
        loss = _backward(
            model, batches, step, schedule=schedule, scaler=weights.scaler, processes=processes
        )
        losses.append(loss)
        require_no_growth(losses, model.config.vocab_size)
        weights.update(schedule.rate(step, steps))
        bar.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
        bar.update()
        if (step + 1) % schedule.checkpoint_every == 0 and step + 1 < steps:
            weights.require_finite(len(losses))
            if processes.main:
                progress = {"losses": losses, "scaler": weights.scaler.state_dict()}
                checkpoint.save(folder, weights.state(), progress)
    bar.close()
    weights.require_finite(steps)
    model.eval()
    return pa.table({"series": ["train"] * len(losses), "step": range(len(losses)), "loss": losses})


def _restored(weights: Weights, folder: Path) -> list[float]:
    """The losses of the steps done, after putting everything back to where they ended."""
    if (saved := checkpoint.read(folder)) is None:
        return []
    weights.restore(saved.tensors)
    weights.scaler.load_state_dict(saved.progress["scaler"])
    losses: list[float] = saved.progress["losses"]
    return losses


def _backward(
    model: Any,
    batches: Batches,
    step: int,
    *,
    schedule: Schedule,
    scaler: torch.amp.GradScaler,
    processes: Processes,
) -> float:
    """Add up the gradients of one optimizer step; return its mean loss.

    `step` counts from 0; `model`, `batches`, `schedule` and `processes` are those of
    `train_causal`, and `scaler` keeps gradients of float16 from vanishing.
    """
    total = 0.0
    steps = len(batches) // schedule.accumulation
    share = processes.share(schedule.accumulation)
    device = next(model.parameters()).device
    precision = PRECISIONS[schedule.precision]
    for part in share:
        # A part has draws of its own in whichever process; the CPU's generator takes 32 bits.
        torch.manual_seed((schedule.seed * 1_000_003 + part * steps + step) % 2**63)
        batch = batches[step * schedule.accumulation + part]
        with torch.autocast(device.type, precision, enabled=precision is not torch.float32):
            ids, labels = batch.input_ids.to(device), batch.labels.to(device)
            loss = causal_loss(model, ids, labels, negatives=schedule.negatives)
        torch.autograd.backward(scaler.scale(loss / len(share)))
        total += loss.item() / len(share)
    total = processes.mean(total)
    processes.average([p.grad for p in model.parameters() if p.grad is not None])
    if not math.isfinite(total):
        raise DivergenceError(f"the loss is {total} at step {step}; {REMEDY}")
    return total


def require_no_growth(losses: list[float], n_tokens: int) -> None:
    """Stop where the loss is twice what it was at first, and what a uniform guess has."""
    if len(losses) < 2 * WINDOW:
        return
    first, recent = (sum(part) / WINDOW for part in (losses[:WINDOW], losses[-WINDOW:]))
    if recent > 2 * max(first, math.log(n_tokens)):
        found = f"the loss has grown from {first:.3g} to {recent:.3g} at step {len(losses) - 1}"
        raise DivergenceError(f"{found}; {REMEDY}")


def causal_loss(
    model: Any, input_ids: Tensor, labels: Tensor, *, negatives: int | None = None
) -> Tensor:
    """Mean cross-entropy of the tokens whose label is not `IGNORED`, a scalar.

    Padding is on the right, so that the causal mask alone hides it. Where the head of the model is
    a plain matrix product, only the rows that count are multiplied by it; with `negatives` the
    logits are never whole in memory (`sampled_softmax_loss`), and of a vocabulary of more tokens
    so many, drawn at random, stand for all.
    """
    targets = labels[:, 1:]
    counted = targets != IGNORED
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not has_plain_head(inner):
        logits = model(input_ids=input_ids, use_cache=False).logits[:, :-1][counted]
        return cross_entropy(logits.float(), targets[counted])
    hidden = inner.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    hidden, head = hidden[:, :-1][counted], inner.get_output_embeddings()
    # A head that is no `Linear` has trained vectors of single tokens in it.
    if negatives is None or type(head) is not Linear:
        return cross_entropy(head(hidden).float(), targets[counted])
    n_tokens, right = head.out_features, targets[counted]
    if negatives < n_tokens:
        drawn = torch.randperm(n_tokens)[:negatives].to(targets.device)
        # Looked up by `embedding`, whose gradient is the same on any number of threads.
        vectors = embedding(torch.cat((right, drawn)), head.weight).float()
        own, others = vectors[: len(hidden)], vectors[len(hidden) :]
    else:
        drawn = torch.arange(n_tokens, device=targets.device)
        own, others = embedding(right, head.weight).float(), head.weight.float()
    return sampled_softmax_loss(hidden.float(), own, others, targets=right, drawn=drawn, n=n_tokens)


def has_plain_head(model: Any) -> bool:
    """Whether logits are hidden states times the output embeddings, and nothing else."""
    return model.config.model_type in _PLAIN_HEADS


def write_history(path: Path, history: pa.Table) -> None:
    with replacing_file(path) as partial:
        pq.write_table(history, partial)
