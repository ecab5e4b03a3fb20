"""Which candidates may become interactions, in which order, and why the others may not.

The rule is the same for whoever proposed them: the language model, or a control in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.augmentation.agreement import Agreement
from llm4idrec.augmentation.merging import relative_ranks
from llm4idrec.config import FilterConfig
from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.interactions import IntArray, Interactions
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
    }
)
"""Accepted candidates (`CandidateFilter.accept`)."""


def filter_candidates(
    generations: pa.Table, known: Interactions, config: FilterConfig
) -> tuple[pa.Table, dict[str, int]]:
    """The accepted candidates of one generator alone, and how many fell for which reason.

    `generations` is of `candidates.SCHEMA`, proposed for users of `known`; `config` is the rule.
    See `CandidateFilter.accept`.
    """
    return CandidateFilter(known, config).accept(generations, agreement=0.0)


class CandidateFilter:
    """The rule where a set of interactions is known; EASE is fitted once, when it is first asked.

    `ease` are its settings, by default EASE's own.
    """

    def __init__(
        self, known: Interactions, config: FilterConfig, ease: EASEConfig | None = None
    ) -> None:
        self.known, self.config, self._ease = known, config, ease or EASEConfig()

    @cached_property
    def _agreement(self) -> Agreement:
        return Agreement(self.known, self._ease)

    def accept(self, proposed: pa.Table, *, agreement: float) -> tuple[pa.Table, dict[str, int]]:
        """The accepted of some candidates, ranked anew within each user, and counts by reason.

        The paper's two filters come first (it does not parse as an item; the item is not in the
        catalogue), then items already known of the user, few votes, low log-probability (candidates
        that have none pass these two). What is left is put in order, and the places over the user's
        amount fall. A candidate is counted under the first reason that hits it; what an answer says
        twice is counted as `duplicate`.

        `agreement` is the weight, in that order, of the rank that EASE gives an item; at 0 the
        generator's own counts alone, and EASE is not fitted. There is an order for each exponent of
        `config.popularity_exponents`, and every one accepts its own first places; `accepted` counts
        different pairs.

        Columns are those of `ACCEPTED`. Rows go by exponent, user and rank. Raises `InputError` if
        EASE cannot be fitted (`EASE.learn`).
        """
        return self.accept_each({"": proposed}, {"": ("", agreement)})[""]

    def accept_each(
        self, proposed: Mapping[str, pa.Table], arms: Mapping[str, tuple[str, float]]
    ) -> dict[str, tuple[pa.Table, dict[str, int]]]:
        """For each of `arms` what `accept` gives, EASE having ranked a user's items once for all.

        `proposed` holds candidates by name; an arm is one of these names and a weight of agreement.
        """
        usable = {name: self._usable(table) for name, table in proposed.items()}
        asked = {name for name, weight in arms.values() if weight}
        ranks = self._agreed({name: usable[name][0] for name in usable if name in asked})
        found = {}
        for arm, (name, weight) in arms.items():
            kept, summary = usable[name]
            accepted, counts = self._first(kept, weight, ranks.get(name))
            found[arm] = accepted, summary | counts
        return found

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

    def _agreed(self, tables: Mapping[str, pa.Table]) -> dict[str, IntArray]:
        """EASE's ranks, from 0, of the rows of each table, which are sorted by user."""
        if not tables:
            return {}
        user, item = (
            np.concatenate([table[name].to_numpy() for table in tables.values()])
            for name in ("user", "item")
        )
        order = stable_order(user, self.known.n_users)
        ranks = np.empty(len(user), np.int32)
        ranks[order] = self._agreement.ranks(user[order], item[order])
        ends = np.cumsum([len(table) for table in tables.values()])
        return dict(zip(tables, np.split(ranks, ends[:-1]), strict=True))

    def _first(
        self, kept: pa.Table, agreement: float, ranks: IntArray | None
    ) -> tuple[pa.Table, dict[str, int]]:
        """The first places of each user in every order, and counts."""
        orders = self._orders(kept, agreement, ranks)
        accepted = orders.filter(pa.array(~self._over_amount(orders)))
        user = accepted["user"].to_numpy()
        pairs = np.sort(user.astype(np.int64) * self.known.n_items + accepted["item"].to_numpy())
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
            "not_in_catalogue": lambda t: pc.greater_equal(t["item"], self.known.n_items),
            "already_seen": lambda t: pa.array(self.known.contains(t["user"], t["item"])),
            "few_votes": lambda t: pc.fill_null(pc.less(t["votes"], self.config.min_votes), False),
            "low_log_probability": lambda t: pc.fill_null(
                pc.less(t["mean_log_probability"], -np.inf if least is None else least), False
            ),
        }

    def _orders(self, kept: pa.Table, agreement: float, ranks: IntArray | None) -> pa.Table:
        """The rows of each user, sorted by the generator's rank, in the orders to accept them in.

        Reciprocal ranks (Cormack et al. 2009), here multiplied: ranks have the same scale whoever
        gives them. Ties go by the generator's rank.
        """
        user, item = kept["user"].to_numpy(), kept["item"].to_numpy()
        place = _place(user)
        score = -np.log(_DAMPING + (place - 1))
        if ranks is not None:
            score -= agreement * np.log(_DAMPING + ranks)
        columns = kept.select(["user", "item", "votes", "mean_log_probability"])
        counts = np.log1p(self.known.item_counts[item])
        rank, orders = pa.array(place), []
        for exponent in self.config.popularity_exponents:
            order = np.argsort(exponent * counts - score, kind="stable")
            order = order[stable_order(user[order], self.known.n_users)]
            same = pa.array(np.full(len(user), exponent, np.float32))
            rows = columns.take(pa.array(order)).append_column("popularity_exponent", same)
            orders.append(rows.append_column("rank", rank))
        return pa.concat_tables(orders)

    def _over_amount(self, ordered: pa.Table) -> npt.NDArray[np.bool_]:
        """Which rows are beyond what their users may have, (n,)."""
        over = relative_ranks(ordered, self.known) > np.float32(self.config.max_ratio)
        if self.config.max_items is not None:
            over |= ordered["rank"].to_numpy() > self.config.max_items
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
