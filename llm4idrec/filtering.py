"""Which candidates may become interactions, and why the others may not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import FilterConfig
from llm4idrec.interactions import Interactions


def filter_candidates(
    generations: pa.Table, train: Interactions, config: FilterConfig
) -> tuple[pa.Table, dict[str, int]]:
    """Accepted candidates, ranked anew within each user, and how many fell for which reason.

    The paper's two filters come first (it does not parse as an item; the item is not in the
    catalogue), then items already seen in train, few votes, low log-probability, and whatever is
    over the user's amount. A candidate is counted under the first reason that hits it; what an
    answer says twice is counted as `duplicate`.
    """
    summary = {"generated": pc.sum(generations["mentions"]).as_py() or 0}
    summary["duplicate"] = summary["generated"] - (pc.sum(generations["votes"]).as_py() or 0)
    summary["candidates"] = len(generations)
    reasons: dict[str, Callable[[pa.Table], pa.Array]] = {
        "not_an_item": lambda t: pc.is_null(t["item"]),
        "not_in_catalogue": lambda t: pc.greater_equal(t["item"], train.n_items),
        "already_seen": lambda t: pa.array(train.contains(t["user"], t["item"])),
        "few_votes": lambda t: pc.less(t["votes"], config.min_votes),
        "low_log_probability": lambda t: pc.less(
            t["mean_log_probability"],
            -np.inf if config.min_log_probability is None else config.min_log_probability,
        ),
        "over_amount": lambda t: pa.array(_place(t) > allowance(train, config)[t["user"]]),
    }
    kept = generations.sort_by([("user", "ascending"), ("rank", "ascending")])
    for reason, hits in reasons.items():
        before = len(kept)
        kept = kept.filter(pc.invert(hits(kept)))
        summary[reason] = before - len(kept)
    summary["accepted"] = len(kept)
    summary["users_with_accepted"] = len(pc.unique(kept["user"]))
    kept = kept.set_column(kept.column_names.index("rank"), "rank", pa.array(_place(kept)))
    return kept.select(["user", "item", "votes", "mean_log_probability", "rank"]), summary


def allowance(train: Interactions, config: FilterConfig) -> npt.NDArray[np.int64]:
    """Most items that may be accepted for each user, int64 (n_users,)."""
    most: npt.NDArray[np.int64] = np.floor(config.max_ratio * train.history_lengths).astype(int)
    return most if config.max_items is None else np.minimum(most, config.max_items)


def _place(table: pa.Table) -> npt.NDArray[np.int32]:
    """1, 2, 3... within each user of a table sorted by user, int32."""
    user = table["user"].to_numpy()
    place: npt.NDArray[np.int32] = np.arange(1, len(user) + 1) - np.searchsorted(user, user)
    return place.astype(np.int32)
