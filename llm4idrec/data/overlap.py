"""How much of a given test set the train set knows, and why if it is little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.rows import Rows, distinct
from llm4idrec.data.shown import listed
from llm4idrec.errors import InputError

NEARLY_NONE = 0.01
"""Share of the test set's users or items below which it is refused: no more could be counted or
hit, whoever recommends, and no gain could be told."""
MISSPELT = 0.5
"""The same where another spelling makes the rest known. Spellings meet by chance, as 010 and 10 do
from 100 on; users and items that are really new match in no spelling."""
NOTEWORTHY = 0.9
"""Share below which a warning says so; some new users and items are normal."""
SPELLINGS = {
    "without spaces, quotation marks and invisible characters": (r"[\s\p{Z}\p{Cf}\p{Cc}\"']", ""),
    "without leading zeros": (r"^0+(.)", r"\1"),
    "without a trailing `.0`": (r"\.0+$", ""),
    "without what stands before the number": (r"^[^0-9]+([0-9])", r"\1"),
    "without what stands behind the number": (r"([0-9])[^0-9].*$", r"\1"),
    "as plain numbers": (r"^[^0-9]*0*([0-9]+?)(\.0+)?[^0-9]*$", r"\1"),
}
"""What people's tools do to IDs, and the pattern (RE2) that undoes it."""
SURE = tuple(SPELLINGS)[:3]
"""Those by which IDs that mean different things seldom meet: told of however few are unknown."""
SMALL = "in small letters"
SWAPPED = "they match if user and item change places: see which columns they are"
_NEARLY_ALL = 0.9
_TRIED = 10_000
"""Unknown IDs that the spellings are tried on."""
_SHOWN = 3


def unknown_ids(train: pa.Table, test: pa.Table, data: DataConfig) -> list[str]:
    """Warnings about a noteworthy part of the test set's users or items that `train` does not know.

    Raises `InputError` where it knows nothing, nearly nothing, or less than half because of how IDs
    are written.
    """
    assert data.test_file is not None
    users, items = (
        Overlap(role, distinct(train[role]), distinct(test[role]), data.train_file, data.test_file)
        for role in ("user", "item")
    )
    swapped = _swapped(users, items)
    found = (overlap.warning(swapped=swapped) for overlap in (users, items))
    return [warning for warning in found if warning]


def pairs_in_train(counts: Mapping[str, float], data: DataConfig) -> list[str]:
    """A warning about a noteworthy part of the test set's pairs that train has too; `InputError` if
    that is nearly all. `counts` are of the split."""
    seen = counts["test_pairs_in_train"]
    unknown, repeated = counts["test_pairs_of_unknown_users"], counts["test_duplicates_dropped"]
    n = counts["test_pairs_read"] - unknown - repeated
    found = f"{seen:g} of its {n:g} pairs of known users are in {data.train_file} too"
    if seen and seen > (1 - NEARLY_NONE) * n:
        remedy = "leave them out of the train file, or let `split` hold out a test set"
        raise InputError(found, "pairs that train does not have", remedy, file=data.test_file)
    if seen > (1 - NOTEWORTHY) * n:
        return [f"{data.test_file}: {found}; they are left out, as what a user has is not tested"]
    return []


def removed_by_k_core(test: Rows, before: Rows, core: Rows, *, data: DataConfig) -> list[str]:
    """Warnings about a noteworthy part of the test set's users or items that is in the train set
    `before`, and not in its `core`; `InputError` if that is nearly all."""
    warnings = []
    for role in ("users", "items"):
        ours, known, left = (getattr(rows, role) for rows in (test, before, core))
        ours = np.intersect1d(ours, known)
        n, n_left = len(ours), len(np.intersect1d(ours, left))
        found = f"the {data.k_core}-core has {n_left or 'none'} of its {n} {role}"
        if n_left < max(1, NEARLY_NONE * n):
            remedy = "lower data.k_core or raise data.sample_users"
            raise InputError(found, "most of them", remedy, file=data.test_file)
        if n_left < NOTEWORTHY * n:
            warnings.append(f"{data.test_file}: {found}")
    return warnings


@dataclass(frozen=True)
class Overlap:
    """The distinct IDs of one role, `user` or `item`, in the train and in the test file."""

    role: str
    train: pa.Array
    test: pa.Array
    train_file: Path
    test_file: Path

    def warning(self, *, swapped: bool) -> str | None:
        """See `unknown_ids`; `swapped` says that users and items have changed places."""
        unknown = self.test.filter(pc.invert(pc.is_in(self.test, value_set=self.train)))
        n, n_known = len(self.test), len(self.test) - len(unknown)
        few = n_known >= NOTEWORTHY * n
        tried = SURE if few else SPELLINGS
        guess = SWAPPED if swapped else spelling(unknown, self.train, tried)
        if few and not guess:
            return None
        found = (
            f"{n_known or 'none'} of its {n} {self.role}s {'are' if n_known > 1 else 'is'} in "
            f"{self.train_file}: it has {_some(unknown)}, and that {_some(self.train)}"
        )
        if n_known < (MISSPELT if guess else NEARLY_NONE) * n:
            remedy = guess or "see that both files mean the same users and items"
            raise InputError(found, f"the train set's {self.role}s", remedy, file=self.test_file)
        return f"{self.test_file}: {found}" + (f"; {guess}" if guess else "")


def _swapped(users: Overlap, items: Overlap) -> bool:
    """Whether the train file has the test file's users as items, and its items as users."""
    return (
        _share(users.test, items.train) > _NEARLY_ALL
        and _share(items.test, users.train) > _NEARLY_ALL
    )


def spelling(unknown: pa.Array, known: pa.Array, tried: Iterable[str] = SPELLINGS) -> str | None:
    """The way to write IDs in which the unknown ones, each there once, are known, if there is one.

    Both are strings; `tried` are the ways besides small letters.
    """
    unknown = unknown.slice(0, _TRIED)
    if not len(unknown):
        return None
    for how in (SMALL, *tried):
        ours, theirs = (_spelt(ids, how) for ids in (unknown, known))
        # A spelling that makes many IDs one, as the start of a hash does, explains nothing.
        tells = all(len(ids.unique()) > _NEARLY_ALL * len(ids) for ids in (ours, theirs))
        if tells and _share(ours, theirs) > _NEARLY_ALL:
            return f"they match {how}: write them alike"
    return None


def _spelt(ids: pa.Array, how: str) -> pa.Array:
    if how == SMALL:
        return pc.utf8_lower(ids)
    return pc.replace_substring_regex(ids, *SPELLINGS[how])


def _share(ids: pa.Array, among: pa.Array) -> float:
    return float(pc.mean(pc.is_in(ids, value_set=among)).as_py())


def _some(ids: pa.Array) -> str:
    return listed(ids.slice(0, _SHOWN).to_pylist()) + (", ..." if len(ids) > _SHOWN else "")
