"""Who else could propose items: generators that take no language model, for it to be compared with.

They read the train set only, and propose as the language model does; the same filter and merge
follow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from llm4idrec.config import Config
from llm4idrec.config.recommenders import RecommenderConfig, SASRecConfig
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.base import ClosedForm, Recommender
from llm4idrec.recommenders.item_based.ease import EASE, LARGEST_CATALOGUE
from llm4idrec.recommenders.item_based.itemknn import ItemKNN
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.recommenders.ranking import NO_ITEM, rank_scores
from llm4idrec.recommenders.sequential.sasrec import SASRec
from llm4idrec.recommenders.validation import Validation
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import write_json
from llm4idrec.runtime.memory import rows_at_a_time
from llm4idrec.runtime.row_groups import write_pieces

SELF = "self"
"""The recommender's own best items: made where it is evaluated, once it is fitted."""
CLOSED_FORMS: dict[str, type[ClosedForm]] = {
    "popularity": Popularity,
    "itemknn": ItemKNN,
    "ease": EASE,
}
_BYTES_A_CANDIDATE = 150
CUTOFF = 20
"""Of the NDCG by which SASRec's epochs are chosen."""


def write_controls(train: Interactions, folder: Path, config: Config) -> None:
    """Write `<name>.parquet` (`candidates.SCHEMA`) of each of `config.controls` but `self`, and
    `summary.json`.

    Each user with a history gets `generation.items` items. Left out, with a line on stderr, are
    sasrec where the histories have no order to learn, and ease where the catalogue is too large for
    it. Raises `InputError` if `config.memory` GB do not do.
    """
    n, seed, device = config.generation.items, config.seed, choose_device(config.device).type
    summary, users = {}, _users(train)
    for name in config.controls:
        if name == SELF:
            continue
        if reason := _unfit(name, train):
            print(f"control {name}: left out, {reason}", file=sys.stderr)
            continue
        print(f"control {name}", file=sys.stderr)
        if name == "random":
            ranked = _random_ranking(train, users, n=n, seed=seed)
        else:
            recommender = _fitted(name, train, config.settings(name), seed=seed, device=device)
            ranked = recommender.recommend(users, n, train)
        step = max(1, rows_at_a_time(config.memory, _BYTES_A_CANDIDATE) // n)
        starts = range(0, len(users), step)
        tables = (_candidates(users[s : s + step], ranked[s : s + step]) for s in starts)
        write_pieces(folder / f"{name}.parquet", SCHEMA, tables)
        items = np.bincount(ranked.ravel() - NO_ITEM)[1:]
        summary[f"{name}_candidates"] = int(items.sum())
        summary[f"{name}_items"] = int(np.count_nonzero(items))
    write_json(folder / "summary.json", summary)


def _random_ranking(train: Interactions, users: IntArray, *, n: int, seed: int) -> IntArray:
    """For each of `users`, `n` unseen items drawn uniformly, (len(users), n)."""
    draw = torch.Generator().manual_seed(seed)
    return rank_scores(
        lambda chunk: torch.rand(len(chunk), train.n_items, generator=draw),
        users,
        n,
        seen=train,
        n_items=train.n_items,
    )


def recommender_candidates(recommender: Recommender, train: Interactions, n: int) -> pa.Table:
    """For each user with a history, the `n` unseen items that a fitted recommender ranks highest.

    Rows of `candidates.SCHEMA` without votes, mentions and log-probability; fewer than `n` of a
    user where the recommender ranks fewer.
    """
    users = _users(train)
    return _candidates(users, recommender.recommend(users, n, train))


def fit_sasrec(train: Interactions, settings: SASRecConfig, *, seed: int, device: str) -> SASRec:
    """SASRec on all of `train`, which has a time.

    For as many epochs as are best for each user's last train item, which is held out for that.
    """
    last = train.offsets[1:][train.history_lengths > 1] - 1
    inner, heldout = (
        Interactions(
            train.user[rows],
            train.item[rows],
            train.n_users,
            train.n_items,
            None if train.timestamp is None else train.timestamp[rows],
        )
        for rows in (np.delete(np.arange(len(train)), last), last)
    )
    recommender = SASRec(settings, seed, device)
    validation = Validation(heldout, inner, (CUTOFF,), f"ndcg_at_{CUTOFF}")
    epochs = recommender.fit(inner, validation).best_epoch
    recommender.fit(train, epochs=epochs)
    return recommender


def _fitted(
    name: str, train: Interactions, settings: RecommenderConfig, *, seed: int, device: str
) -> Recommender:
    """The control called `name` on all of `train`.

    `settings` are those of the recommender it is, `seed` is what its random numbers derive from,
    `device` is cpu or cuda.
    """
    if isinstance(settings, SASRecConfig):
        return fit_sasrec(train, settings, seed=seed, device=device)
    recommender = CLOSED_FORMS[name](settings, seed, device)
    recommender.learn(train)
    return recommender


def _unfit(name: str, train: Interactions) -> str | None:
    """Why a control cannot be fitted, if so: sasrec needs an order, ease a matrix of all items."""
    if name == "ease" and train.n_items > LARGEST_CATALOGUE:
        return f"{train.n_items} items are more than {LARGEST_CATALOGUE}"
    if name == "sasrec" and train.timestamp is None:
        return "the interactions have no time"
    if name == "sasrec" and train.history_lengths.max() <= 1:
        return "no user has two interactions"
    return None


def _users(train: Interactions) -> IntArray:
    return np.flatnonzero(train.history_lengths).astype(np.int32)


def _candidates(users: IntArray, ranked: IntArray) -> pa.Table:
    """Rankings (len(users), n), best first, as rows of `candidates.SCHEMA`."""
    row, place = np.nonzero(ranked != NO_ITEM)
    item = pa.array(ranked[row, place], pa.int32())
    columns = {
        "user": pa.array(users[row]),
        "text": pc.binary_join_element_wise("i", item.cast(pa.string()), ""),
        "item": item,
        "rank": pa.array(place + 1, pa.int32()),
    }
    nothing = pa.nulls(len(item))
    return pa.table([columns.get(name, nothing) for name in SCHEMA.names], SCHEMA.names).cast(
        SCHEMA
    )
