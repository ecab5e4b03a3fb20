"""How `peers` talks with a side: a word a line on its stdin, a line of JSON for each on its stdout.

The words are `train`, for an epoch or a fit, and `rank`, which comes with the file for the ranking
where it is wanted. An answer holds `cpu` (seconds) and `peak_mb` (most memory the process ever
had). This module runs under the peer's interpreter too, so it needs no more than numpy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
Job = dict[str, Any]
Unit = Literal["epoch", "fit", "validated fit"]
"""What our side trains at a time; a validated fit chooses its number of epochs."""
Outcome = TypeVar("Outcome")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ranking:
    """The best items of each user, in the numbers of the data that were handed over."""

    users: IntArray
    """Shape (n,)."""
    items: IntArray
    """Shape (n, k), best first; -1 where there is none."""
    own: dict[str, float] = field(default_factory=dict)
    """What the side itself says of it, by the names of `llm4idrec.metrics.ranking`."""


def start() -> tuple[Job, int]:
    """The job of this process, and where answers go; what the side prints goes to the log."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), answers


def serve(
    answers: int,
    rank: Callable[[], Outcome],
    describe: Callable[[Outcome], Ranking],
    *,
    first_epoch: int = 0,
    scale: float = 1.0,
) -> Iterator[int]:
    """Yield the number of an epoch or a fit, from `first_epoch`, whenever one is to be trained;
    rank in between.

    `answers` is the descriptor that answers are written to. Only `rank` is timed, not `describe`,
    which makes the ranking of what it gave. `scale` multiplies the seconds of training.
    """
    epoch = first_epoch
    about = {"start_mb": peak_mb()}
    for line in sys.stdin:
        word, _, file = line.rstrip("\n").partition(" ")
        before = time.process_time()
        if word == "train":
            yield epoch
            epoch += 1
            answer: Job = {"cpu": scale * (time.process_time() - before)}
        else:
            outcome = rank()
            answer = {"cpu": time.process_time() - before}
            if file:
                ranking = describe(outcome)
                np.savez(file, users=ranking.users, items=ranking.items)
                answer["own"] = ranking.own
        answer |= about | {"peak_mb": peak_mb()}
        os.write(answers, (json.dumps(answer) + "\n").encode())


def read_pairs(file: Path) -> tuple[IntArray, IntArray]:
    """Users and items of `train.txt` or `test.txt`, as `handover` writes pairs; shape (n,) each."""
    users, items = np.loadtxt(file, np.int32, usecols=(0, 1), ndmin=2, unpack=True)
    return users, items


def peak_mb() -> float:
    """Of this process since it began; `getrusage` would count its parent's memory before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Side:
    """A process with one thread that trains and ranks when told to; a context manager.

    `name` is for messages; the interpreter `python` runs `module` on `job` in `folder`.
    """

    def __init__(self, name: str, module: str, job: Job, *, folder: Path, python: str) -> None:
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        self._log = (folder / "log.txt").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [python, "-m", module, "job.json"],
            cwd=folder,
            env=os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ask(self, word: str) -> Job:
        """Send a word and wait for the answer; `RuntimeError` with the log's end if none comes."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process has no pipes, expected two")
        try:
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            process.wait()
            log = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{self.name} ended without an answer to {word!r}:\n{log[-3000:]}")
        reply: Job = json.loads(answer)
        return reply

    def ranking(self) -> Ranking:
        """What it recommends now."""
        file = self.folder / "ranking.npz"
        answer = self.ask(f"rank {file}")
        with np.load(file) as arrays:
            return Ranking(arrays["users"], arrays["items"], answer["own"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()
