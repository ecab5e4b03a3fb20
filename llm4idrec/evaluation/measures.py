"""Rankings for the test users, measured: a table by user, and numbers beyond users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation.data import Data
from llm4idrec.metrics.popularity_bands import (
    band_recalls,
    band_shares,
    item_bands,
    mean_popularity,
)
from llm4idrec.metrics.ranking import coverage, metrics_in_catalogue, user_metrics
from llm4idrec.runtime.files import read_json, replacing_folder, write_json


class Measures(NamedTuple):
    """Of one ranking for every test user."""

    by_user: pa.Table
    """Columns user and metrics."""
    numbers: dict[str, float]
    """What has no value for a single user, or not for each."""

    @classmethod
    def of(cls, ranked: IntArray, data: Data, cutoffs: Sequence[int]) -> Self:
        """`ranked` is (test users, k), best first; k is at least the largest cutoff."""
        users = data.at_test.users
        metrics = user_metrics(ranked, users, data.test, cutoffs=cutoffs)
        numbers = _beyond_users(ranked[:, : max(cutoffs)], data, cutoffs)
        return cls(pa.table({"user": users, **metrics}), numbers)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote."""
        return cls(pq.read_table(folder / "by_user.parquet"), read_json(folder / "numbers.json"))

    def write(self, folder: Path) -> None:
        with replacing_folder(folder) as made:
            pq.write_table(self.by_user, made / "by_user.parquet")
            write_json(made / "numbers.json", self.numbers)


def _beyond_users(ranked: IntArray, data: Data, cutoffs: Sequence[int]) -> dict[str, float]:
    k, users, train = max(cutoffs), data.at_test.users, data.train
    numbers = {f"coverage_at_{n}": coverage(ranked[:, :n], train.n_items) for n in cutoffs}
    bands = item_bands(train)
    numbers |= metrics_in_catalogue(
        ranked, users, data.test, n_items=train.n_items, cutoffs=cutoffs
    )
    recalls = band_recalls(ranked, users, data.test, bands=bands)
    numbers |= {f"recall_at_{k}_{band}": recall for band, recall in recalls.items()}
    shares = band_shares(ranked, bands)
    numbers |= {f"share_at_{k}_{band}": share for band, share in shares.items()}
    return numbers | {f"popularity_at_{k}": mean_popularity(ranked, train)}
