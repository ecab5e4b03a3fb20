"""What is known when a window begins, and what it then brings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.artifacts import IDENTIFIERS, INTERACTIONS, KNOWN
from llm4idrec.data.identifiers import Identifiers
from llm4idrec.data.interactions import Interactions


def sampled(raw: pa.Table, share: float, seed: int) -> pa.Table:
    """The rows of a share of the users, by a hash of their IDs: who is in does not depend on who
    comes later."""
    if share >= 1:
        return raw
    ids = pc.unique(raw["user"])
    drawn = [
        int(hashlib.sha256(f"{seed}:{user}".encode()).hexdigest()[:16], 16) < share * 2**64
        for user in ids.to_pylist()
    ]
    return raw.filter(pc.is_in(raw["user"], ids.filter(pa.array(drawn))))


def read_known(folder: Path) -> Interactions:
    return Interactions.read(folder / KNOWN.name / INTERACTIONS)


def own_ids(folder: Path, role: str) -> pa.Array:
    """Of `users` or `items`, in the order of their numbers, strings."""
    ids: pa.Array = getattr(Identifiers.read(folder / IDENTIFIERS.name), role)
    return ids


def brought(rows: pa.Table, folder: Path) -> Interactions:
    """What the window's `rows` say of known users and they did not have, by the numbers in
    `folder`; items outside of the catalogue come behind it, so that they count as misses."""
    known, users, items = read_known(folder), own_ids(folder, "users"), own_ids(folder, "items")
    rows = rows.filter(pc.is_in(rows["user"], users))
    new = pc.unique(rows["item"].filter(pc.invert(pc.is_in(rows["item"], items))))
    every = pa.concat_arrays([items, new.cast(items.type)])
    user = pc.index_in(rows["user"], users).to_numpy().astype(np.int64)
    item = pc.index_in(rows["item"], every).to_numpy().astype(np.int64)
    _, first = np.unique(user * len(every) + item, return_index=True)
    user, item = user[first], item[first]
    inside = item < known.n_items
    had = inside & known.contains(user, np.where(inside, item, 0))
    return Interactions(user[~had], item[~had], known.n_users, len(every))
