"""What a window is like beside what was known before: newcomers, turnover, drift."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def window_facts(rows: pa.Table, known: pa.Table) -> dict[str, float]:
    """Of the `rows` of a window and of all before it, both with user and item.

    `popularity_drift` is the total variation distance between the shares of the items in both: 0
    where they are the same, 1 where no item is common.
    """
    return {
        "rows": len(rows),
        "users": len(pc.unique(rows["user"])),
        "new_users": _new(rows["user"], known["user"]),
        "new_items": _new(rows["item"], known["item"]),
        "popularity_drift": _distance(rows["item"], known["item"]),
    }


def turnover(items: pa.Array, before: pa.Array | None) -> dict[str, float]:
    """Of a catalogue beside that of the night before: the shares that came and that left."""
    if before is None:
        return {"items_came": 0.0, "items_left": 0.0}
    came = len(items) - (pc.sum(pc.is_in(items, before)).as_py() or 0)
    left = len(before) - (pc.sum(pc.is_in(before, items)).as_py() or 0)
    return {"items_came": came / max(len(items), 1), "items_left": left / max(len(before), 1)}


def _new(column: pa.ChunkedArray, known: pa.ChunkedArray) -> float:
    """Share of the distinct IDs that were not known."""
    distinct = pc.unique(column)
    if not len(distinct):
        return 0.0
    return 1 - (pc.sum(pc.is_in(distinct, pc.unique(known))).as_py() or 0) / len(distinct)


def _distance(one: pa.ChunkedArray, other: pa.ChunkedArray) -> float:
    if not len(one) or not len(other):
        return 0.0
    shares = [_shares(column) for column in (one, other)]
    names = set().union(*shares)
    differences = [abs(shares[0][name] - shares[1][name]) for name in sorted(names)]
    return float(np.sum(differences) / 2)


def _shares(column: pa.ChunkedArray) -> Counter[str]:
    counted = pc.value_counts(column)
    names, counts = (counted.field(part).to_pylist() for part in ("values", "counts"))
    return Counter({name: count / len(column) for name, count in zip(names, counts, strict=True)})
