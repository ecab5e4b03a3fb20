"""Which candidates may become interactions, in which order, and why the others may not.

The rule is the same for whoever proposed them: the language model, or a control in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.agreement import Agreement
from llm4idrec.config import FilterConfig
from llm4idrec.interactions import IntArray, Interactions, LongArray
from llm4idrec.merging import shares
from llm4idrec.recommenders.config import EASEConfig

_DAMPING = 10
"""Added to ranks, so that the first few weigh about the same."""


def filter_candidates(
    generations: pa.Table,
    train: Interactions,
    config: FilterConfig,
    ease: EASEConfig,
    most: LongArray | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """The accepted candidates of one generator, and how many fell for which reason.

    `generations` is of `candidates.SCHEMA`, `most` (n_users,) an upper bound on the items accepted
    of each user. See `CandidateFilter.accept`.
    """
    return CandidateFilter(train, config, ease).accept(generations, most)


def filter_generators(
    generations: pa.Table,
    controls: Mapping[str, pa.Table],
    train: Interactions,
    config: FilterConfig,
    ease: EASEConfig,
) -> tuple[pa.Table, pa.Table, dict[str, int]]:
    """The language model's accepted candidates, those of the controls, and the model's counts.

    A control has at most as many items of a user as the language model. Its rows have the columns
    control, user, item, popularity and rank.
    """
    accepting = CandidateFilter(train, config, ease)
    accepted, summary = accepting.accept(generations)
    most = accepted_items(accepted, train)
    tables = [_NO_CONTROLS.empty_table()]
    for name, proposed in controls.items():
        rows = accepting.accept(proposed, most)[0].select(["user", "item", "popularity", "rank"])
        tables.append(rows.add_column(0, "control", pa.repeat(name, len(rows))))
    return accepted, pa.concat_tables(tables), summary


def accepted_items(accepted: pa.Table, train: Interactions) -> LongArray:
    """How many items each user has, (n_users,), in one order of `accepted`: all have as many."""
    popularity = accepted["popularity"].to_numpy()
    first = accepted["user"].to_numpy()[popularity == popularity[:1]]
    return np.bincount(first, minlength=train.n_users)


_NO_CONTROLS = pa.schema(
    {
        "control": pa.string(),
        "user": pa.int32(),
        "item": pa.int32(),
        "popularity": pa.float32(),
        "rank": pa.int32(),
    }
)


class CandidateFilter:
    """The rule on one train set; EASE is fitted once, and only if `config.agreement` asks for it.

    Raises `InputError` if it cannot be (`EASE.learn`).
    """

    def __init__(self, train: Interactions, config: FilterConfig, ease: EASEConfig) -> None:
        self._train, self._config, self._ease = train, config, ease
        self._agreement = Agreement(train, ease) if config.agreement else None

    def with_config(self, config: FilterConfig) -> CandidateFilter:
        """The same with other settings, and with the EASE that is fitted already."""
        other = copy(self)
        other._config = config
        if config.agreement and other._agreement is None:
            other._agreement = Agreement(self._train, self._ease)
        return other

    def accept(
        self, proposed: pa.Table, most: LongArray | None = None
    ) -> tuple[pa.Table, dict[str, int]]:
        """The accepted of some candidates, ranked anew within each user, and counts by reason.

        The paper's two filters come first (it does not parse as an item; the item is not in the
        catalogue), then items already seen in train, few votes, low log-probability (candidates
        that have none pass these two). What is left is put in order, and the places over the user's
        amount fall. A candidate is counted under the first reason that hits it; what an answer says
        twice is counted as `duplicate`.

        There is an order for each exponent of `config.popularity`, and every one accepts its own
        first places; `accepted` counts different pairs.

        Columns: user, item, votes, mean_log_probability, `popularity` (the exponent), rank and
        `agreement`, the rank from 1 that the item-item model gives the item, null where its weight
        is 0. Rows go by popularity, user and rank.
        """
        summary = {"generated": pc.sum(proposed["mentions"]).as_py() or 0}
        summary["duplicate"] = summary["generated"] - (pc.sum(proposed["votes"]).as_py() or 0)
        summary["candidates"] = len(proposed)
        kept = proposed.sort_by([("user", "ascending"), ("rank", "ascending")])
        for reason, hits in self._reasons().items():
            before = len(kept)
            kept = kept.filter(pc.invert(hits(kept)))
            summary[reason] = before - len(kept)
        orders = self._orders(kept)
        accepted = orders.filter(pa.array(~self._over_amount(orders, most)))
        pairs = accepted.group_by(["user", "item"]).aggregate([])
        summary["over_amount"] = len(kept) - len(pairs)
        summary["accepted"] = len(pairs)
        summary["users_with_accepted"] = len(pc.unique(pairs["user"]))
        return accepted, summary

    def _reasons(self) -> dict[str, Callable[[pa.Table], pa.Array]]:
        least = self._config.min_log_probability
        return {
            "not_an_item": lambda t: pc.is_null(t["item"]),
            "not_in_catalogue": lambda t: pc.greater_equal(t["item"], self._train.n_items),
            "already_seen": lambda t: pa.array(self._train.contains(t["user"], t["item"])),
            "few_votes": lambda t: pc.fill_null(pc.less(t["votes"], self._config.min_votes), False),
            "low_log_probability": lambda t: pc.fill_null(
                pc.less(t["mean_log_probability"], -np.inf if least is None else least), False
            ),
        }

    def _orders(self, kept: pa.Table) -> pa.Table:
        """The rows of each user, sorted by the generator's rank, in the orders to accept them in.

        Reciprocal ranks (Cormack et al. 2009), here multiplied: ranks have the same scale whoever
        gives them. Ties go by the generator's rank.
        """
        user, item = kept["user"].to_numpy(), kept["item"].to_numpy()
        generator = _place(user) - 1
        score = -np.log(_DAMPING + generator)
        agreement = pa.nulls(len(kept), pa.int32())
        if self._agreement and self._config.agreement:
            ranks = self._agreement.ranks(user, item)
            score -= self._config.agreement * np.log(_DAMPING + ranks)
            agreement = pa.array(ranks + 1)
        columns = kept.select(["user", "item", "votes", "mean_log_probability"]).append_column(
            "agreement", agreement
        )
        counts = np.log1p(self._train.item_counts[item])
        rank, orders = pa.array(_place(user)), []
        for popularity in self._config.popularity:
            order = np.lexsort((generator, popularity * counts - score, user))
            exponent = pa.array(np.full(len(user), popularity, np.float32))
            rows = columns.take(pa.array(order)).add_column(4, "rank", rank)
            orders.append(rows.add_column(4, "popularity", exponent))
        return pa.concat_tables(orders)

    def _over_amount(self, ordered: pa.Table, most: LongArray | None) -> npt.NDArray[np.bool_]:
        """Which rows are beyond what their users may have, (n,)."""
        place = ordered["rank"].to_numpy()
        over = shares(ordered, self._train) > np.float32(self._config.max_ratio)
        if self._config.max_items is not None:
            over |= place > self._config.max_items
        if most is not None:
            over |= place > most[ordered["user"].to_numpy()]
        return over


def _place(user: IntArray) -> IntArray:
    """1, 2, 3... within each user of a sorted column, int32."""
    place = np.arange(1, len(user) + 1) - np.searchsorted(user, user)
    return np.asarray(place, np.int32)
