"""What a recommender of the user's hands in: vectors, rankings or scores, all by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from llm4idrec.data.interactions import IntArray, Interactions, LongArray
from llm4idrec.errors import InputError
from llm4idrec.own.array import read_array
from llm4idrec.own.lines import Lines
from llm4idrec.own.lists import as_ranking, first_unseen, repeats
from llm4idrec.recommenders.products import products
from llm4idrec.recommenders.ranking import NO_ITEM, rank_scores

Kind = Literal["vectors", "ranking", "scores"]
Shape = tuple[int, int]
"""Numbers of users and of items."""
_NAMES = ("users", "items", "ranking", "scores")
"""Of files, without their endings."""


@dataclass(frozen=True, eq=False)
class HandedIn:
    """All that ranks the catalogue for a user."""

    tensors: dict[str, Tensor]
    """`users` (n_users, d) and `items` (n_items, d), float32; or `ranking` (n_users, k), int32,
    best first, rows ending in `NO_ITEM`; or `scores` (n_users, n_items), float32."""
    lacking: IntArray = field(default_factory=lambda: np.zeros(0, np.int32))
    """Users of whom there is nothing in the files; what stands for them here means nothing."""

    @classmethod
    def of_lists(cls, lists: IntArray, lacking: IntArray) -> Self:
        """A ranking, as `tensors` has it."""
        return cls({"ranking": torch.from_numpy(lists)}, lacking)

    def rank(self, users: IntArray, k: int, seen: Interactions) -> IntArray:
        """The k best items of each user that are not in `seen`, shape (len(users), k), best first.

        Rows end in `NO_ITEM` where fewer than k are left, or were handed in.
        """
        if "ranking" in self.tensors:
            return first_unseen(self.tensors["ranking"].cpu().numpy(), users, k, seen=seen)
        return rank_scores(self._score, users, k, seen=seen, n_items=self._n_items)

    def require_trained(self, train: Interactions, folder: Path, *, k: int) -> None:
        """`InputError` unless this, read from `folder`, can be of a training on all of `train`.

        Every user there has something, rankings have k items, or all, and what was trained on is
        not hidden: what is not to be ranked is left out by `rank`.
        """
        trained = np.flatnonzero(train.history_lengths)
        if lacking := np.intersect1d(self.lacking, trained).tolist():
            raise InputError(
                f"there is nothing for user {lacking[0]}{_more(lacking)}",
                "something for every user of the training data",
                file=folder,
            )
        if "ranking" in self.tensors:
            self._require_long(trained, min(k, train.n_items), folder)
        if len(train) and self._hides(train):
            raise InputError(
                f"not one of the {len(train)} training pairs is ranked, but "
                f"{'behind all others' if 'ranking' in self.tensors else 'below the mean'} of its "
                "user",
                "a ranking of all items, those that were trained on too",
                "let the program hide none of them: an added item that is held out could be no hit"
                ", and what a user is known to have is left out afterwards",
                file=folder,
            )

    @property
    def _n_items(self) -> int:
        return len(self.tensors["items"]) if "items" in self.tensors else self._scores.shape[1]

    @property
    def _scores(self) -> Tensor:
        return self.tensors["scores"]

    def _score(self, users: IntArray) -> Tensor:
        """A new tensor (len(users), n_items)."""
        rows = torch.from_numpy(users.astype(np.int64))
        if "scores" in self.tensors:
            return self._scores[rows.to(self._scores.device)]
        vectors = self.tensors["users"]
        return products(vectors[rows.to(vectors.device)], self.tensors["items"])

    def _require_long(self, trained: LongArray, k: int, folder: Path) -> None:
        """A ranking; `k` is what each of the users `trained` needs."""
        lengths = (self.tensors["ranking"] != NO_ITEM).sum(dim=1).cpu().numpy()[trained]
        if short := trained[lengths < k].tolist():
            found = f"user {short[0]} has {lengths[lengths < k][0]} items{_more(short)}"
            raise InputError(found, f"at least {k} for each user", file=folder)

    def _hides(self, train: Interactions) -> bool:
        """Whether no training pair stands before another pair of its user in a ranking, or every
        score of one is below its user's mean."""
        if "ranking" in self.tensors:
            ranking = self.tensors["ranking"].cpu().numpy()
            learnt = train.contains(np.arange(len(ranking))[:, None], ranking)
            learnt &= ranking != NO_ITEM
            others = ~learnt & (ranking != NO_ITEM)
            return bool(others.any()) and not bool((learnt[:, :-1] & others[:, 1:]).any())
        if "scores" in self.tensors:
            user, item = (torch.from_numpy(a.astype(np.int64)) for a in (train.user, train.item))
            return bool((self._scores[user, item] < self._scores.mean(dim=1)[user]).all())
        return False


def read_handed_in(folder: Path, kind: Kind, *, shape: Shape, unranked: int = 0) -> HandedIn:
    """What a program has left in `folder`; `shape` is (n_users, n_items).

    - `vectors`: `users.npy` and `items.npy`, (n_users, d) and (n_items, d); or `users.txt` and
      `items.txt`, a line `number v1 ... vd` each, in any order. A user may have no line.
    - `ranking`: `ranking.txt`, a line `user item`, best first for each user. Columns after these
      are not read.
    - `scores`: `scores.npy`, (n_users, n_items).

    Behind the n_items of the catalogue there may be `unranked` more, which are never ranked.
    Raises `InputError`, with the file and, in text, the line, for anything else.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", f"one with {kind}", file=folder)
    for file in sorted(folder.iterdir()):
        if (
            file.stem in _NAMES and file.exists() and not file.is_file()
        ):  # a pipe would be waited for
            raise InputError("is no file", f"one with {kind}", file=file)
    match kind:
        case "vectors":
            return _read_vectors(folder, shape, unranked)
        case "ranking":
            return _read_ranking(folder / "ranking.txt", shape, unranked)
        case "scores":
            return read_scores(folder / "scores.npy", shape, unranked)


def require_finite_products(users: Tensor, items: Tensor, file: Path) -> None:
    """`InputError` if scores, which are products of the vectors, may not fit single precision."""
    largest = [float(vectors.abs().amax()) for vectors in (users, items)]
    if largest[0] * largest[1] * users.shape[1] > torch.finfo(torch.float32).max:
        found = f"numbers up to {largest[0]:g} of users and {largest[1]:g} of items"
        raise InputError(found, "products that fit single precision", "scale them", file=file)


def read_scores(file: Path, shape: Shape, unranked: int) -> HandedIn:
    """Those in a NumPy file; the rest is as in `read_handed_in`."""
    n_users, n_items = shape
    scores = read_array(file, [(n_users, n_items), (n_users, n_items + unranked)])
    return HandedIn({"scores": scores[:, :n_items].contiguous()})


def _read_vectors(folder: Path, shape: Shape, unranked: int) -> HandedIn:
    users, lacking = _vectors(folder, "users", (shape[0], shape[0]))
    items, missing = _vectors(folder, "items", (shape[1], shape[1] + unranked))
    if len(missing):
        its = missing.tolist()
        found = f"there is no vector for item {its[0]}{_more(its)}"
        raise InputError(found, f"one for each of {shape[1]}", file=folder / "items.txt")
    if users.shape[1] != items.shape[1]:
        raise InputError(
            f"users have {users.shape[1]} numbers, items {items.shape[1]}", "as many", file=folder
        )
    require_finite_products(users, items, folder)
    return HandedIn({"users": users, "items": items}, lacking)


def _vectors(folder: Path, name: str, counts: tuple[int, int]) -> tuple[Tensor, IntArray]:
    """Of `users` or `items`: (n, d), and the numbers of those that have none; `counts` are n, and
    the most rows that there may be."""
    array, text = folder / f"{name}.npy", folder / f"{name}.txt"
    if array.exists() and text.exists():
        found = f"{array.name} and {text.name} are both there"
        raise InputError(found, "one of them", "remove the other", file=folder)
    if array.exists():
        n, most = counts
        return read_array(array, [(n, None), (most, None)])[:n].clone(), np.zeros(0, np.int32)
    if text.exists():
        return _text_vectors(text, *counts)
    raise InputError(f"there is neither {array.name} nor {text.name}", "one of them", file=folder)


def _text_vectors(file: Path, n: int, most: int) -> tuple[Tensor, IntArray]:
    lines = Lines.read(file)
    width = max(lines.width, 2)
    number, *columns = lines.columns([pa.int64(), *[pa.float32()] * (width - 1)])
    numbers = number.to_numpy()
    _require_numbers(lines, numbers, file.stem, n=most)
    for row in repeats(numbers)[:1].tolist():
        found = f"number {numbers[row]} is there again"
        raise InputError(found, "a line each", file=file, line=lines.line(row))
    vectors = np.zeros((most, width - 1), np.float32)
    for place, column in enumerate(columns):
        values = column.to_numpy()
        if (wrong := ~np.isfinite(values)).any():
            row = int(wrong.argmax())
            found = f"{values[row]} in column {place + 2}"
            raise InputError(found, "finite numbers", file=file, line=lines.line(row))
        vectors[numbers, place] = values
    lacking = np.setdiff1d(np.arange(n), numbers).astype(np.int32)
    return torch.from_numpy(vectors[:n].copy()), lacking


def _read_ranking(file: Path, shape: Shape, unranked: int) -> HandedIn:
    n_users, n_items = shape
    lines = Lines.read(file)
    user, item = (column.to_numpy() for column in lines.columns([pa.int64(), pa.int64()]))
    _require_numbers(lines, user, "users", n=n_users)
    _require_numbers(lines, item, "items", n=n_items + unranked)
    for row in repeats(user * (n_items + unranked) + item)[:1].tolist():
        found = f"user {user[row]} has item {item[row]} again"
        raise InputError(found, "distinct items", file=file, line=lines.line(row))
    known = item < n_items
    ranking = as_ranking(user[known], item[known], n_users)
    lacking = np.flatnonzero(ranking[:, :1] == NO_ITEM).astype(np.int32)
    ranking[lacking] = np.arange(ranking.shape[1])
    return HandedIn.of_lists(ranking, lacking)


def _require_numbers(lines: Lines, numbers: LongArray, what: str, *, n: int) -> None:
    """`InputError` for the first row whose number is not one of n; `what` is users or items."""
    if (wrong := (numbers < 0) | (numbers >= n)).any():
        row = int(wrong.argmax())
        found = f"{numbers[row]} is none of the {what}"
        raise InputError(found, f"0 to {n - 1}", file=lines.file, line=lines.line(row))


def _more(numbers: list[int]) -> str:
    """What to say behind the first of several."""
    return f", as for {len(numbers) - 1} more" if len(numbers) > 1 else ""
