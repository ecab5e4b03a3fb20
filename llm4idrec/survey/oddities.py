"""What is odd in the data: a run would go on, but a person had better know."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.doubts import RATINGS, UNITS
from llm4idrec.data.formats.folder import files_of
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError
from llm4idrec.survey.counted import moment
from llm4idrec.survey.sample import sample_of
from llm4idrec.survey.sizes import Sizes
from llm4idrec.survey.trial import Trial

_MANY_REPEATS, _MANY_LOST, _MANY_OUTSIDE, _MOST = 0.2, 0.5, 0.2, 0.5
_FEW_USERS = 200
"""In the test: over fewer, a gain of ten per cent is hardly told."""
_DAY = 86_400


def oddities(trial: Trial) -> Iterator[str]:
    """Sentences beside those of the reader."""
    raw, train, config = trial.raw, trial.train, trial.config
    yield from _of_counts(trial.sizes, config.data)
    yield from _of_times(raw)
    counts = train.item_counts
    if counts.max() > _MOST * train.n_users:
        share = 100 * counts.max() / train.n_users
        yield f"one item is in {share:.0f} % of the histories: a bag, say, is no choice"
    for role in ("user", "item"):
        yield from _of_case(raw[role], role)
    yield from _of_ratings(config.data)


def _of_counts(sizes: Sizes, data: DataConfig) -> Iterator[str]:
    summary = sizes.summary
    if (repeats := summary["duplicates_dropped"]) > _MANY_REPEATS * sizes.rows:
        share = 100 * repeats / sizes.rows
        yield f"{share:.0f} % of the rows repeat a pair: the earliest of each counts"
    lost, pairs = summary["pairs_removed_by_k_core"], summary["pairs_sampled"]
    if lost > _MANY_LOST * (sizes.train + lost):
        yield (
            f"the {data.k_core}-core leaves {sizes.train:,} of {sizes.train + lost:,.0f} pairs to "
            f"train on ({pairs:,.0f} in all); a lower data.k_core keeps more"
        )
    outside, test = summary["test_pairs_outside_catalogue"], summary["test_pairs"]
    if outside > _MANY_OUTSIDE * test:
        share = 100 * outside / test
        yield f"{share:.0f} % of the test's items are outside the catalogue: nobody can hit them"
    if (users := summary["test_users_in_catalogue"]) < _FEW_USERS:
        yield f"the test has {users:.0f} users: intervals will be wide"
    if summary.get("pairs_left_out") == 0:
        yield "every row meets data.where and data.min_rating: they leave nothing out"


def _of_times(raw: pa.Table) -> Iterator[str]:
    if "timestamp" not in raw.column_names:
        return
    times = raw["timestamp"].to_numpy()
    first, last = int(times.min()), int(times.max())
    if first == last:
        yield "all times are the same: the order of the lines decides what is held out"
        return
    scale = next((least for least, beyond in UNITS.values() if least <= last < beyond), None)
    if scale is not None and (late := times > (time.time() + _DAY) * scale / 10**8).any():
        yield f"{np.count_nonzero(late):,} times are in the future, up to {moment(last)}"
    users = raw["user"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((times, users))
    inside = np.diff(users[order]) == 0
    tied = inside & (np.diff(times[order]) == 0)
    if inside.any() and tied.sum() > _MOST * inside.sum():
        share = 100 * tied.sum() / inside.sum()
        yield (
            f"{share:.0f} % of the rows have the time of their user's row before: among them the "
            "order of the lines decides"
        )


def _of_case(column: pa.ChunkedArray, role: str) -> Iterator[str]:
    ids = pc.unique(column)
    small = pc.utf8_lower(ids)
    counts = pc.value_counts(small)
    again = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(again):
        alike = ids.filter(pc.equal(small, again[0]["values"])).to_pylist()
        names = " and ".join(map(shown, alike[:2]))
        more = f", as do {len(again) - 1:,} more" if len(again) > 1 else ""
        yield f"{role}s {names} differ in small and capital letters only{more}; they count as two"


def _of_ratings(data: DataConfig) -> Iterator[str]:
    try:
        path = data.train_file
        path = path / files_of(path)[0] if path.is_dir() else path
        columns = sample_of(Path(path)).columns
    except InputError:  # its parameters may know how to read it
        return
    for column in columns:
        rated = column.name == data.rating or column.name.lower() in RATINGS
        if rated and len(column.distinct) == 1:
            yield f"all ratings that were looked at are {column.distinct[0]}: they tell nothing"
