"""Which candidates may become interactions, in which order, and why the others may not.

The rule is the same for whoever proposed them: the language model, or a control in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.agreement import Agreement
from llm4idrec.augmentation.merging import relative_ranks
from llm4idrec.config import FilterConfig
from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.data.ordering import stable_order

_DAMPING = 10
"""Added to ranks, so that the first few weigh about the same."""
PROPOSED = ("user", "item", "votes", "mentions", "mean_log_probability", "rank")
"""The columns of `candidates.SCHEMA` that are read here."""
ACCEPTED = pa.schema(
    {
        "user": pa.int32(),
        "item": pa.int32(),
        "votes": pa.int32(),
        "mean_log_probability": pa.float32(),
        "popularity_exponent": pa.float32(),
        "rank": pa.int32(),
        "agreement": pa.int32(),
    }
)
"""Accepted candidates (`CandidateFilter.accept`)."""
_NAMED = ("user", "item", "popularity_exponent", "rank")
CONTROLLED = pa.schema([("control", pa.string()), *(ACCEPTED.field(name) for name in _NAMED)])
"""Those of the controls, in one table."""


def filter_candidates(
    generations: pa.Table,
    train: Interactions,
    config: FilterConfig,
    *,
    ease: EASEConfig,
    max_items: LongArray | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """The accepted candidates of one generator, and how many fell for which reason.

    `generations` is of `candidates.SCHEMA`, proposed for users of `train`; `config` is the rule,
    `ease` the settings of the item-item model that it may ask for. `max_items` (n_users,) is an
    upper bound on the accepted items of each user; None: no other than `config` has. See
    `CandidateFilter.accept`.
    """
    return CandidateFilter(train, config, ease).accept(generations, max_items)


def accepted_items(accepted: pa.Table, train: Interactions) -> LongArray:
    """How many items each user has, (n_users,), in one order of `accepted`: all have as many."""
    exponent = accepted["popularity_exponent"].to_numpy()
    first = accepted["user"].to_numpy()[exponent == exponent[:1]]
    return np.bincount(first, minlength=train.n_users)


class CandidateFilter:
    """The rule on one train set; EASE is fitted once, and only if `config.agreement` asks for it.

    Raises `InputError` if it cannot be (`EASE.learn`).
    """

    def __init__(self, train: Interactions, config: FilterConfig, ease: EASEConfig) -> None:
        self.train, self.config, self._ease = train, config, ease
        self._agreement = Agreement(train, ease) if config.agreement else None

    def with_config(self, config: FilterConfig) -> CandidateFilter:
        """The same with other settings, and with the EASE that is fitted already."""
        other = copy(self)
        other.config = config
        if config.agreement and other._agreement is None:
            other._agreement = Agreement(self.train, self._ease)
        return other

    def accept(
        self, proposed: pa.Table, max_items: LongArray | None = None
    ) -> tuple[pa.Table, dict[str, int]]:
        """The accepted of some candidates, ranked anew within each user, and counts by reason.

        The paper's two filters come first (it does not parse as an item; the item is not in the
        catalogue), then items already seen in train, few votes, low log-probability (candidates
        that have none pass these two). What is left is put in order, and the places over the user's
        amount fall. A candidate is counted under the first reason that hits it; what an answer says
        twice is counted as `duplicate`.

        There is an order for each exponent of `config.popularity_exponents`, and every one accepts
        its own first places; `accepted` counts different pairs.

        Columns: user, item, votes, mean_log_probability, popularity_exponent, rank and `agreement`,
        the rank from 1 that the item-item model gives the item, null where its weight is 0. Rows go
        by exponent, user and rank.
        """
        usable, summary = self._usable(proposed)
        (ranks,) = self._agreed([usable])
        accepted, counts = self._first(usable, ranks, max_items)
        return accepted, summary | counts

    def accept_all(
        self, generations: pa.Table, controls: Mapping[str, pa.Table]
    ) -> tuple[pa.Table, dict[str, pa.Table], dict[str, int]]:
        """The language model's accepted candidates, those of each control, and the model's counts.

        A control has at most as many items of a user as the language model. Tables are as `accept`
        has them.
        """
        usable, summary = self._usable(generations)
        others = [self._usable(proposed)[0] for proposed in controls.values()]
        ranks, *their_ranks = self._agreed([usable, *others])
        accepted, counts = self._first(usable, ranks, None)
        max_items = accepted_items(accepted, self.train)
        theirs = {
            name: self._first(proposed, its, max_items)[0]
            for name, proposed, its in zip(controls, others, their_ranks, strict=True)
        }
        return accepted, theirs, summary | counts

    def _usable(self, proposed: pa.Table) -> tuple[pa.Table, dict[str, int]]:
        """What no reason hits, by user and rank, and counts of the others."""
        summary = {"generated": pc.sum(proposed["mentions"]).as_py() or 0}
        summary["duplicate"] = summary["generated"] - (pc.sum(proposed["votes"]).as_py() or 0)
        summary["candidates"] = len(proposed)
        kept = _by_user_and_rank(proposed.select(PROPOSED).combine_chunks())
        for reason, hits in self._reasons().items():
            before = len(kept)
            kept = kept.filter(pc.invert(hits(kept)))
            summary[reason] = before - len(kept)
        return kept.combine_chunks(), summary

    def _agreed(self, tables: Sequence[pa.Table]) -> Sequence[IntArray | None]:
        """The item-item model's ranks of each table's rows, which are sorted by user; if wanted."""
        if not (self._agreement and self.config.agreement):
            return [None] * len(tables)
        user, item = (
            np.concatenate([table[name].to_numpy() for table in tables])
            for name in ("user", "item")
        )
        order = stable_order(user, self.train.n_users)
        ranks = np.empty(len(user), np.int32)
        ranks[order] = self._agreement.ranks(user[order], item[order])
        return np.split(ranks, np.cumsum([len(table) for table in tables])[:-1])

    def _first(
        self, kept: pa.Table, ranks: IntArray | None, max_items: LongArray | None
    ) -> tuple[pa.Table, dict[str, int]]:
        """The first places of each user in every order, and counts."""
        orders = self._orders(kept, ranks)
        accepted = orders.filter(pa.array(~self._over_amount(orders, max_items)))
        user = accepted["user"].to_numpy()
        pairs = np.sort(user.astype(np.int64) * self.train.n_items + accepted["item"].to_numpy())
        n_pairs = len(pairs) - int(np.count_nonzero(pairs[1:] == pairs[:-1]))
        return accepted, {
            "over_amount": len(kept) - n_pairs,
            "accepted": n_pairs,
            "users_with_accepted": int(np.count_nonzero(np.bincount(user))),
        }

    def _reasons(self) -> dict[str, Callable[[pa.Table], pa.Array]]:
        least = self.config.min_log_probability
        return {
            "not_an_item": lambda t: pc.is_null(t["item"]),
            "not_in_catalogue": lambda t: pc.greater_equal(t["item"], self.train.n_items),
            "already_seen": lambda t: pa.array(self.train.contains(t["user"], t["item"])),
            "few_votes": lambda t: pc.fill_null(pc.less(t["votes"], self.config.min_votes), False),
            "low_log_probability": lambda t: pc.fill_null(
                pc.less(t["mean_log_probability"], -np.inf if least is None else least), False
            ),
        }

    def _orders(self, kept: pa.Table, ranks: IntArray | None) -> pa.Table:
        """The rows of each user, sorted by the generator's rank, in the orders to accept them in.

        Reciprocal ranks (Cormack et al. 2009), here multiplied: ranks have the same scale whoever
        gives them. Ties go by the generator's rank.
        """
        user, item = kept["user"].to_numpy(), kept["item"].to_numpy()
        place = _place(user)
        score = -np.log(_DAMPING + (place - 1))
        agreement = pa.nulls(len(kept), pa.int32())
        if ranks is not None:
            score -= self.config.agreement * np.log(_DAMPING + ranks)
            agreement = pa.array(ranks + 1)
        columns = kept.select(["user", "item", "votes", "mean_log_probability"]).append_column(
            "agreement", agreement
        )
        counts = np.log1p(self.train.item_counts[item])
        rank, orders = pa.array(place), []
        for exponent in self.config.popularity_exponents:
            order = np.argsort(exponent * counts - score, kind="stable")
            order = order[stable_order(user[order], self.train.n_users)]
            same = pa.array(np.full(len(user), exponent, np.float32))
            rows = columns.take(pa.array(order)).add_column(4, "rank", rank)
            orders.append(rows.add_column(4, "popularity_exponent", same))
        return pa.concat_tables(orders)

    def _over_amount(self, ordered: pa.Table, max_items: LongArray | None) -> npt.NDArray[np.bool_]:
        """Which rows are beyond what their users may have, (n,)."""
        place = ordered["rank"].to_numpy()
        over = relative_ranks(ordered, self.train) > np.float32(self.config.max_ratio)
        if self.config.max_items is not None:
            over |= place > self.config.max_items
        if max_items is not None:
            over |= place > max_items[ordered["user"].to_numpy()]
        return over


def _place(user: IntArray) -> IntArray:
    """1, 2, 3... within each user of a sorted column, int32."""
    place = np.arange(1, len(user) + 1) - np.searchsorted(user, user)
    return np.asarray(place, np.int32)


def _by_user_and_rank(table: pa.Table) -> pa.Table:
    user, rank = table["user"].to_numpy(), table["rank"].to_numpy()
    later = np.diff(user)
    if ((later > 0) | ((later == 0) & (rank[1:] >= rank[:-1]))).all():
        return table
    return table.take(pa.array(np.lexsort((rank, user))))
