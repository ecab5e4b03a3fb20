"""Who else could propose items: generators that take no language model, for it to be compared with.

They read the train set only, and propose as the language model does; the same filter and merge
follow.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from llm4idrec.candidates import SCHEMA
from llm4idrec.device import choose_device
from llm4idrec.files import write_json
from llm4idrec.interactions import IntArray, Interactions
from llm4idrec.recommenders.base import ClosedForm, Recommender
from llm4idrec.recommenders.config import RecommenderConfig, SASRecConfig
from llm4idrec.recommenders.ease import EASE
from llm4idrec.recommenders.itemknn import ItemKNN
from llm4idrec.recommenders.popularity import Popularity
from llm4idrec.recommenders.ranking import NO_ITEM, rank_scores
from llm4idrec.recommenders.sasrec import SASRec
from llm4idrec.recommenders.training import Validation

SELF = "self"
"""The recommender's own best items: made where it is evaluated, once it is fitted."""
CLOSED_FORMS: dict[str, type[ClosedForm]] = {
    "popularity": Popularity,
    "itemknn": ItemKNN,
    "ease": EASE,
}
CUTOFF = 20
"""Of the NDCG by which SASRec's epochs are chosen."""


def write_controls(
    train: Interactions,
    folder: Path,
    controls: Sequence[str],
    n: int,
    settings: Mapping[str, RecommenderConfig],
    seed: int,
    device: str,
) -> None:
    """Write `<name>.parquet` (`candidates.SCHEMA`) of every control but `self`, `summary.json`.

    Each user with a history gets `n` items. `settings` has those of the recommenders by name.
    sasrec is left out, with a line on stderr, where the histories have no order to learn.
    """
    summary = {}
    for name in controls:
        if name == SELF:
            continue
        if name == "sasrec" and (reason := _no_order(train)):
            print(f"control sasrec: left out, {reason}", file=sys.stderr)
            continue
        print(f"control {name}", file=sys.stderr)
        if name == "random":
            table = random_candidates(train, n, seed)
        else:
            recommender = _fitted(name, train, settings[name], seed, choose_device(device).type)
            table = recommender_candidates(recommender, train, n)
        pq.write_table(table, folder / f"{name}.parquet")
        summary[f"{name}_candidates"] = len(table)
        summary[f"{name}_items"] = len(pc.unique(table["item"]))
    write_json(folder / "summary.json", summary)


def random_candidates(train: Interactions, n: int, seed: int) -> pa.Table:
    """For each user with a history, `n` unseen items drawn uniformly (`candidates.SCHEMA`)."""
    users, draw = _users(train), torch.Generator().manual_seed(seed)
    ranked = rank_scores(
        lambda chunk: torch.rand(len(chunk), train.n_items, generator=draw),
        users,
        n,
        train,
        train.n_items,
    )
    return _candidates(users, ranked)


def recommender_candidates(recommender: Recommender, train: Interactions, n: int) -> pa.Table:
    """For each user with a history, the `n` unseen items that a fitted recommender ranks highest.

    Rows of `candidates.SCHEMA` without votes, mentions and log-probability; fewer than `n` of a
    user where the recommender ranks fewer.
    """
    users = _users(train)
    return _candidates(users, recommender.recommend(users, n, train))


def fit_sasrec(train: Interactions, settings: SASRecConfig, seed: int, device: str) -> SASRec:
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
    name: str, train: Interactions, settings: RecommenderConfig, seed: int, device: str
) -> Recommender:
    if isinstance(settings, SASRecConfig):
        return fit_sasrec(train, settings, seed, device)
    recommender = CLOSED_FORMS[name](settings, seed, device)
    recommender.learn(train)
    return recommender


def _no_order(train: Interactions) -> str | None:
    """Why there is nothing for a sequential recommender to learn, if so."""
    if train.timestamp is None:
        return "the interactions have no time"
    return None if train.history_lengths.max() > 1 else "no user has two interactions"


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
