"""What generates, as a ranking: its candidates, best first, and their fusion with another's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.data.candidates import read_generations, require_schema
from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation.data import Audience
from llm4idrec.recommenders.ranking import NO_ITEM
from llm4idrec.runtime.files import read_table

DEPTH = 100
"""Items of each ranking that are fused."""
_DAMPING = 60
"""Of reciprocal ranks, as in the paper."""


def read_ranking(replicate: Path, source: str, audience: Audience, *, k: int) -> IntArray:
    """The first k candidates of each user that are in the catalogue and not seen, (users, k), best
    first; rows end in `NO_ITEM`.

    `source` is the language model or a control, `replicate` the folder of its candidates. Raises
    `InputError` if they are no candidates.
    """
    if source == LANGUAGE_MODEL:
        table = read_generations(replicate / "generations")
    else:
        table = read_table(source_file(replicate, source))
        require_schema(table.schema, source_file(replicate, source))
    return _first(table, audience, k)


def fuse(one: IntArray, other: IntArray, k: int) -> IntArray:
    """The k items with the largest sums of reciprocal ranks in two rankings of the same users,
    (users, n) and (users, m): (users, k), best first (Cormack, Clarke and Buettcher, SIGIR 2009).

    An item that a ranking does not hold gets nothing from it. Ties go by the first ranking, then
    by the second.
    """
    items = np.concatenate([one, other], axis=1)
    place = np.concatenate([np.arange(one.shape[1]), np.arange(other.shape[1])])
    score = np.where(items == NO_ITEM, 0.0, 1 / (_DAMPING + 1 + place))
    by_item = np.argsort(items, axis=1, kind="stable")
    sorted_items = np.take_along_axis(items, by_item, axis=1)
    sorted_score = np.take_along_axis(score, by_item, axis=1)
    # An item stands at most twice: the second time, its score goes to the first.
    twice = np.zeros(items.shape, bool)
    twice[:, 1:] = (sorted_items[:, 1:] == sorted_items[:, :-1]) & (sorted_items[:, 1:] != NO_ITEM)
    sorted_score[:, :-1] += np.where(twice[:, 1:], sorted_score[:, 1:], 0.0)
    sorted_score[twice] = 0.0
    total = np.zeros(items.shape)
    np.put_along_axis(total, by_item, sorted_score, axis=1)
    best = np.argsort(-total, axis=1, kind="stable")[:, :k]
    kept = np.take_along_axis(total, best, axis=1) > 0
    return np.where(kept, np.take_along_axis(items, best, axis=1), NO_ITEM).astype(np.int32)


def _first(table: pa.Table, audience: Audience, k: int) -> IntArray:
    users, seen = audience
    table = table.select(["user", "item", "rank"]).filter(pc.is_valid(table["item"]))
    user, item, rank = (table[name].to_numpy() for name in ("user", "item", "rank"))
    kept = (item < seen.n_items) & np.isin(user, users)
    user, item, rank = user[kept], item[kept], rank[kept]
    new = ~seen.contains(user, item)
    user, item, rank = user[new], item[new], rank[new]
    order = np.lexsort((rank, user))
    user, item = user[order], item[order]
    row = np.searchsorted(users, user)
    place = np.arange(len(user)) - np.searchsorted(user, user)
    best = np.full((len(users), k), NO_ITEM, np.int32)
    within: npt.NDArray[np.bool_] = place < k
    best[row[within], place[within]] = item[within]
    return best
