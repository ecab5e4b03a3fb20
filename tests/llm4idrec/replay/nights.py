"""Drawn nights: users with a taste each, one of five, who take what fits it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from llm4idrec.replay.arrivals import Arrivals

LENGTH, TASTES, ITEMS = 1000, 5, 100


@dataclass
class Shop:
    """`volume` rows a night on average, by `users`; a week of `seasons`, each a factor of it."""

    seed: int
    volume: float = 750
    users: int = 17
    seasons: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def nights(self, n: int) -> list[Arrivals]:
        return [self.night(number) for number in range(n)]

    def night(self, number: int) -> Arrivals:
        n = int(self.random.poisson(self.volume * self.seasons[number % len(self.seasons)]))
        users = self.random.integers(self.users, size=n)
        fits = users % TASTES + TASTES * self.random.integers(ITEMS // TASTES, size=n)
        items = np.where(self.random.random(n) < 0.7, fits, self.random.integers(ITEMS, size=n))
        begin = number * LENGTH
        times = np.sort(self.random.integers(begin, begin + LENGTH, size=n))
        ids = {"user": [f"u{user}" for user in users], "item": [f"i{item}" for item in items]}
        columns = {name: pa.array(column, pa.string()) for name, column in ids.items()}
        return Arrivals(pa.table(columns | {"timestamp": times}), begin, begin + LENGTH)


def with_rows(night: Arrivals, rows: pa.Table) -> Arrivals:
    return replace(night, rows=rows)


def with_column(night: Arrivals, name: str, column: pa.Array) -> Arrivals:
    place = night.rows.column_names.index(name)
    return with_rows(night, night.rows.set_column(place, name, column))


def shuffled(night: Arrivals) -> Arrivals:
    order = np.random.default_rng(0).permutation(len(night.rows))
    return with_column(night, "item", night.rows["item"].take(order))
