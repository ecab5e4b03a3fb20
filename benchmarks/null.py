"""How often the words are wrong where nothing is different, and how often the intervals hold.

    python -m benchmarks.null                              # drawn from the model: a minute
    python -m benchmarks.null --trainings 20 --out nulls   # and real trainings: half a minute each

Drawn: values of 600 users of which the truth is known. `users` and `seeds` are the shares of their
components in the variance of the mean difference. Real: a recommender is trained with so many seeds
on the bundled data as they are, and two disjoint sets of the seeds are compared as if one were
augmented; `--out` keeps the trainings. *above* and *below* are p < .05 on either side, before any
correction: false helps or ahead, false harms or behind. *old* is how often a t-test over users of
their means over seeds, which does not count what seeds differ by, has p < .05.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.trainings import trained
from llm4idrec.metrics.crossed_effects import mean_test
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import compare
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL
from llm4idrec.verdict.wording import align
from tests.llm4idrec.metrics.drawn import drawn

USERS, GAIN = 600, 0.1
SEEDS = (2, 3, 5)
USER_SHARES, SEED_SHARES = (0.0, 0.3, 0.6), (0.0, 0.15, 0.3, 0.37)
HEAD = ("", "n", "users", "seeds", "above", "below", "interval holds", "old p < .05")

Pair = tuple[FloatArray, FloatArray]


@dataclass
class Counts:
    """Of comparisons of equals."""

    tried: int = 0
    above: int = 0
    below: int = 0
    old: int = 0
    held: int = 0

    def add(self, pair: Pair, gain: float, also: Pair | None = None) -> None:
        """A comparison of equals, and one whose interval should hold `gain`: `also` or this one."""
        found = compare(*pair)
        means = (pair[1] - pair[0]).mean(axis=0, keepdims=True)
        certain = (found.p_value or 0) < SIGNIFICANCE_LEVEL
        other = compare(*also) if also else found
        self.tried += 1
        self.above += certain and found.augmented > found.original
        self.below += certain and found.augmented < found.original
        self.old += mean_test(means) < SIGNIFICANCE_LEVEL
        self.held += other.low is not None and other.low <= gain <= (other.high or 0)

    def cells(self) -> list[str]:
        counts = self.above, self.below, self.held, self.old
        return [f"{100 * count / self.tried:.1f} %" for count in counts]


def drawn_lines(draws: int) -> Iterable[tuple[str, ...]]:
    """A line for each setting."""
    rng = np.random.default_rng(0)
    for n_seeds in SEEDS:
        for users in USER_SHARES:
            for seeds in SEED_SHARES:
                counts, shape = Counts(), (n_seeds, USERS)
                for _ in range(draws):
                    null = drawn(rng, shape, users=users, seeds=seeds)
                    gains = drawn(rng, shape, users=users, seeds=seeds, gain=GAIN)
                    counts.add(null, GAIN, gains)
                setting = f"{100 * users:.0f} %", f"{100 * seeds:.0f} %"
                yield ("drawn", str(n_seeds), *setting, *counts.cells())


def real_lines(name: str, values: FloatArray, comparisons: int) -> Iterable[tuple[str, ...]]:
    """Of the same recommender's trainings, shape (trainings, users)."""
    rng = np.random.default_rng(1)
    for n_seeds in SEEDS:
        counts = Counts()
        for _ in range(comparisons):
            order = rng.permutation(len(values))
            pair = values[order[:n_seeds]], values[order[n_seeds : 2 * n_seeds]]
            counts.add(pair, 0.0)
        yield (name, str(n_seeds), "", "", *counts.cells())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1000, help="of each setting (1000)")
    parser.add_argument("--trainings", type=int, default=0, help="with as many seeds (none)")
    parser.add_argument("--comparisons", type=int, default=200, help="of them (200)")
    parser.add_argument("--recommender", default="mf", help="(mf)")
    parser.add_argument("--workers", type=int, default=1, help="trainings side by side (1)")
    parser.add_argument("--out", type=Path, default=Path("nulls"), help="(nulls)")
    options = parser.parse_args()
    lines = [HEAD, *drawn_lines(options.draws)]
    if options.trainings:
        name, count = options.recommender, options.trainings
        values = trained(name, count, out=options.out, workers=options.workers)
        lines += real_lines(name, values, options.comparisons)
    print(align(lines, left=(0,)))


if __name__ == "__main__":
    main()
