r"""Our recommenders beside another framework's: seconds, memory and quality on the same split.

    python -m benchmarks.peers --selfrec ../SELFRec --data ../data/lastfm \
        --files data1.txt test1.txt --models mf lightgcn simgcl xsimgcl ncl
    python -m benchmarks.peers --selfrec ../SELFRec --data ../data/amazon-beauty \
        --models sasrec bert4rec cl4srec --rounds 3
    python -m benchmarks.peers --recbole --data ../data/ml-100k --models mf lightgcn
    python -m benchmarks.peers --implicit --data ../data/ml-100k --models ials mf
    python -m benchmarks.peers --lenskit --python ../lenskit/bin/python --data ../data/ml-100k
    python -m benchmarks.peers --selfrec ../SELFRec --data ../data/lastfm \
        --files data1.txt test1.txt --models lightgcn --quality 300

SELFRec is a checkout (Coder-Yu/SELFRec, commit 5b02294), RecBole (1.2.1), implicit (0.7.3) and
LensKit (2025.8.1) are installed. `--python` is the interpreter that has the peer and what it
needs: numba and, for NCL, faiss-cpu for SELFRec; implicit is among our own packages. Nothing of
theirs is changed on disk: what a current torch or a machine without CUDA needs is done at run time,
and is listed in `benchmarks/selfrec.py` and `benchmarks/recbole.py`.

Each side is a process of its own with one thread, and they take turns, epoch by epoch, so that
noise of the machine hits both. An epoch is followed by a ranking of all test users. The first of
each is not counted; the table shows medians in CPU seconds. Memory is the most that the process
ever had, interpreter and torch included; in brackets, how much of it came after the data was read.
Settings are the peer's defaults on both sides (`benchmarks/frameworks.py`). Where ours compares
with a sample by default (`contrast_nodes`, `negatives`) it does so here; `--ours` changes that.

implicit and LensKit are called to fit a model, so they and ours take turns fit by fit, and the
table has the quality of the last one too, by `llm4idrec.metrics.ranking`: once with each side's own
defaults, and once with the peer's on both. With its own, a model of ours that is trained by epochs
first chooses their number on a validation part of train, and that is part of its seconds.

With `--quality` nothing is timed: ours trains with its own defaults for the number of epochs that a
validation part of train chooses, and the peer for the epochs given, with its best one picked on
test, as SELFRec does. Both rankings are measured by our metrics; SELFRec's sequential models
recommend items that a user has taken already, and that is left as it is.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.frameworks import Framework, Implicit, LensKit, RecBole, SELFRec
from benchmarks.handover import Split, read_split
from benchmarks.pipe import Job, Side, Unit
from llm4idrec.metrics.ranking import user_metrics
from llm4idrec.recommenders.registry import RECOMMENDERS

PLACES = 20
"""Items in a ranking."""
EVERY = 5
"""Epochs between looks at the peer's quality."""
SEED = 0


@dataclass(frozen=True)
class Bench:
    """Both sides on one data set."""

    framework: Framework
    split: Split
    folder: Path
    """Holds the data that is handed over, and a folder for each process."""
    python: str
    """The peer's interpreter."""
    changes: Job
    """Settings of ours that stand above the shared ones."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def cutoff(self) -> int:
        return 10 if self.split.sequential else 20

    @property
    def metrics(self) -> tuple[str, str]:
        first = "hr" if self.split.sequential else "recall"
        return f"{first}_at_{self.cutoff}", f"ndcg_at_{self.cutoff}"

    def ours(self, model: str, settings: Job, unit: Unit) -> Side:
        job = {"model": model, "settings": settings | self.changes, "unit": unit}
        job |= self._shared() | {"metric": self.metrics[1]}
        folder = self.folder / f"{model}-ours"
        return Side("our side", "benchmarks.ours", job, folder=folder, python=sys.executable)

    def theirs(self, model: str, job: Job) -> Side:
        name, module = self.framework.name, self.framework.module
        folder = self.folder / f"{model}-peer"
        return Side(name, module, job | self._shared(), folder=folder, python=self.python)

    def _shared(self) -> Job:
        return {"data": str(self.data), "places": PLACES, "cutoff": self.cutoff, "seed": SEED}

    def speed(self, model: str, rounds: int) -> str:
        """A row of the table of speed."""
        job, settings = self.framework.job(model, self.data, self.split, whole=False)
        with self.ours(model, settings, "epoch") as ours, self.theirs(model, job) as theirs:
            return row([model, *timed(ours, theirs, rounds)])

    def fits(self, model: str, rounds: int) -> Iterator[str]:
        """Rows of the table of fits."""
        job, same = self.framework.job(model, self.data, self.split, whole=True)
        with self.ours(model, {}, "validated fit") as ours, self.theirs(model, job) as theirs:
            yield row([f"{model}, own settings", *self._fit(ours, theirs, rounds)])
        if same:
            with self.ours(model, same, "fit") as ours, self.theirs(model, job) as theirs:
                name = f"{model}, {self.framework.name}'s settings"
                yield row([name, *self._fit(ours, theirs, rounds)])

    def _fit(self, ours: Side, theirs: Side, rounds: int) -> list[str]:
        cells = timed(ours, theirs, rounds)
        measured = [self._figures(self._measure(side)[0]) for side in (ours, theirs)]
        return [*cells, *itertools.chain(*zip(*measured, strict=True))]

    def quality(self, model: str, epochs: int) -> str:
        """A row of the table of quality."""
        job, _ = self.framework.job(model, self.data, self.split, whole=True)
        looks: list[tuple[int, dict[str, float], dict[str, float]]] = []
        with self.theirs(model, job) as theirs:
            for epoch in range(1, epochs + 1):
                theirs.ask("train")
                if epoch % EVERY == 0 or epoch == epochs:
                    looks.append((epoch, *self._measure(theirs)))
        with self.ours(model, {}, "validated fit") as side:
            side.ask("train")
            measured, own = self._measure(side)
        best = max(looks, key=lambda look: look[1][self.metrics[1]])
        cells = [model, f"{own['epoch']:.0f}", *self._figures(measured)]
        cells += [str(best[0]), *self._figures(best[1]), *self._figures(best[2])]
        return row([*cells, str(epochs), *self._figures(looks[-1][1])])

    def _measure(self, side: Side) -> tuple[dict[str, float], dict[str, float]]:
        """Means over the test users by our metrics, and the side's own figures."""
        ranking = side.ranking()
        values = user_metrics(ranking.items, ranking.users, self.split.test, cutoffs=(self.cutoff,))
        return {name: float(values[name].mean()) for name in self.metrics}, ranking.own

    def _figures(self, values: dict[str, float]) -> list[str]:
        return [f"{values[name]:.4f}" for name in self.metrics]


def timed(ours: Side, theirs: Side, rounds: int) -> list[str]:
    """Medians of seconds of training and of ranking, each with their ratio; then the memory."""
    sides = (ours, theirs)
    turns = [[(side.ask("train"), side.ask("rank")) for side in sides] for _ in range(1 + rounds)]
    cells = []
    for part in (0, 1):
        seconds = [
            statistics.median(turn[side][part]["cpu"] for turn in turns[1:]) for side in (0, 1)
        ]
        cells += [f"{seconds[0]:.3f}", f"{seconds[1]:.3f}", f"{seconds[1] / seconds[0]:.1f}"]
    for _, last in turns[-1]:
        cells.append(f"{last['peak_mb']:.0f} (+{last['peak_mb'] - last['start_mb']:.0f})")
    return cells


def row(cells: list[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def header(columns: list[str]) -> str:
    """The first two lines of a Markdown table: words to the left, numbers to the right."""
    return "\n".join([row(columns), row(["---", *["---:"] * (len(columns) - 1)])])


def speed_columns(peer: str) -> list[str]:
    return ["model", *_timed_columns("epoch", peer)]


def fit_columns(peer: str, metrics: tuple[str, str]) -> list[str]:
    measured = [f"{name}: {side}" for name in metrics for side in ("ours", peer)]
    return ["model", *_timed_columns("fit", peer), *measured]


def _timed_columns(unit: str, peer: str) -> list[str]:
    kinds = (f"{unit}, CPU s", "ranking, CPU s")
    seconds = [f"{kind}: {what}" for kind in kinds for what in ("ours", peer, "times")]
    return [*seconds, "peak MB: ours", peer]


def quality_columns(peer: str, metrics: tuple[str, str]) -> list[str]:
    first, second = metrics
    ours = ["ours: epoch", first, second]
    best = [f"{peer}'s best on test: epoch", first, second, f"by {peer} itself: {first}", second]
    return ["model", *ours, *best, f"{peer}'s last: epoch", first, second]


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    framework: Framework = arguments.framework
    if framework.fits and arguments.quality:
        parser.error(f"--quality with {framework.name}, whose table has the quality without it")
    split = read_split(*(arguments.data / name for name in arguments.files))
    possible = [model for model in framework.models(split) if model in RECOMMENDERS]
    models = arguments.models or possible
    if not set(models) <= set(possible):
        parser.error(f"--models {' '.join(models)}, expected some of {' '.join(possible)}")
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        changes = yaml.safe_load("\n".join(arguments.ours).replace("=", ": ")) or {}
        bench = Bench(framework, split, Path(folder), arguments.python, changes)
        split.write(bench.data)
        print(f"{arguments.data.name}: {split}\n")
        columns, rows = _table(bench, models, rounds=arguments.rounds, epochs=arguments.quality)
        print(header(columns))
        for line in rows:
            print(line, flush=True)


def _table(
    bench: Bench, models: list[str], *, rounds: int, epochs: int | None
) -> tuple[list[str], Iterator[str]]:
    """Columns, and rows as they are measured; of quality after so many `epochs`, unless None."""
    peer = bench.framework.name
    if epochs:
        columns = quality_columns(peer, bench.metrics)
        return columns, (bench.quality(model, epochs) for model in models)
    if bench.framework.fits:
        columns = fit_columns(peer, bench.metrics)
        return columns, (line for model in models for line in bench.fits(model, rounds))
    return speed_columns(peer), (bench.speed(model, rounds) for model in models)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    peer = parser.add_mutually_exclusive_group(required=True)
    peer.add_argument(
        "--selfrec", dest="framework", type=lambda path: SELFRec(Path(path)), metavar="CHECKOUT"
    )
    for kind in (RecBole, Implicit, LensKit):
        option = f"--{kind.name.lower()}"
        peer.add_argument(option, dest="framework", action="store_const", const=kind())
    parser.add_argument("--python", default=sys.executable, help="the peer's interpreter")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--files", nargs=2, default=["train.txt", "test.txt"], metavar=("TRAIN", "TEST")
    )
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="default: all there are")
    parser.add_argument(
        "--ours", nargs="+", default=[], metavar="KEY=VALUE", help="settings of ours to change"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="epochs or fits timed, after one that is not"
    )
    parser.add_argument("--quality", type=int, metavar="EPOCHS")
    return parser


if __name__ == "__main__":
    main()
