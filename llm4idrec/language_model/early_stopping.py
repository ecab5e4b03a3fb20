"""A training that goes on as long as what it is for gets better; resumable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from torch import Tensor
from tqdm import tqdm

from llm4idrec.config import BaseModelConfig
from llm4idrec.language_model import checkpoint
from llm4idrec.language_model.list_training import ListTraining
from llm4idrec.nn.running_mean import load

_BEST = "best/"


@dataclass
class Stopping:
    """What was found after each epoch so far."""

    scores: list[float] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    """Those of the best epoch."""

    @property
    def best(self) -> int:
        """The epoch of the highest score, the first of equals, from 1; 0 before there is one."""
        return 1 + max(range(len(self.scores)), key=self.scores.__getitem__) if self.scores else 0

    def is_over(self, config: BaseModelConfig) -> bool:
        """Whether as many epochs are done as may be, or the last few were no better."""
        done = len(self.scores)
        return done >= config.max_epochs or done - self.best >= config.patience

    def loss(self, training: ListTraining) -> float:
        """The mean over the steps of the best epoch."""
        steps = training.steps_of(self.best)
        return sum(training.losses[step] for step in steps) / len(steps)

    def history(self, training: ListTraining) -> pa.Table:
        """Columns `series`, `step`, `loss` and `tail_ndcg`: of each step its loss, and the score
        at the last step of each epoch."""
        ends = {training.steps_of(epoch)[-1]: s for epoch, s in enumerate(self.scores, start=1)}
        steps = range(len(training.losses))
        return pa.table(
            {
                "series": ["train"] * len(steps),
                "step": steps,
                "loss": training.losses,
                "tail_ndcg": pa.array([ends.get(step) for step in steps], pa.float64()),
            }
        )


def train_until_best(
    training: ListTraining, score: Callable[[], float], config: BaseModelConfig, *, folder: Path
) -> Stopping:
    """Train until `score` of the averaged model has not been better for `config.patience` epochs,
    `config.max_epochs` at most, and leave the model with the best epoch's weights.

    `folder` keeps a checkpoint after each epoch; a call with the same arguments goes on from there
    and ends with the same weights as one that was never interrupted. Raises `DivergenceError` when
    a loss or a weight is not finite, or the loss grows; such weights are never written.
    """
    stopping = _restored(training, folder)
    bar = tqdm(initial=len(training.losses), desc="base model", unit="step", mininterval=1)
    with bar:
        while not stopping.is_over(config):
            for loss in training.run_epoch():
                bar.set_postfix(epoch=len(stopping.scores) + 1, loss=f"{loss:.3f}", refresh=False)
                bar.update()
            with training.averaged():
                stopping.scores.append(score())
                if stopping.best == len(stopping.scores):
                    stopping.weights = training.copy_weights()
            kept = {f"{_BEST}{name}": tensor for name, tensor in stopping.weights.items()}
            progress = {"losses": training.losses, "scores": stopping.scores}
            checkpoint.save(folder, training.state() | kept, progress)
    load(training.weights, stopping.weights)
    return stopping


def _restored(training: ListTraining, folder: Path) -> Stopping:
    """What was found before, after putting the training back to where it ended."""
    if (saved := checkpoint.read(folder)) is None:
        return Stopping()
    training.restore(saved.tensors, saved.progress["losses"])
    weights = {
        name.removeprefix(_BEST): tensor
        for name, tensor in saved.tensors.items()
        if name.startswith(_BEST)
    }
    return Stopping(saved.progress["scores"], weights)
