"""A function of the user's that learns in this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from llm4idrec.config.own import OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.own.handed_in import HandedIn, require_finite_products
from llm4idrec.recommenders.ranking import users_a_chunk
from llm4idrec.runtime.threads import fixed_threads

_RETURNED = "(user_vectors, item_vectors), or a function users -> scores"


def learned_by_function(settings: OwnConfig, train: Interactions, *, seed: int, k: int) -> HandedIn:
    """What the function gives once it has learnt `train`, in one thread; of scores, all of every
    user.

    Raises `InputError` if it cannot be found, raises an error, or gives something else than it
    should.
    """
    name = str(settings.function)
    fit = load_function(name)
    learnt = _called(name, lambda: fit(train, seed, **settings.settings))
    if callable(learnt):
        tensors = {"scores": _scores(name, learnt, train)}
    elif isinstance(learnt, tuple | list) and len(learnt) == 2:
        users, items = (
            _matrix(name, value, (n, None))
            for value, n in zip(learnt, (train.n_users, train.n_items), strict=True)
        )
        if users.shape[1] != items.shape[1]:
            found = f"user vectors of {users.shape[1]} numbers, item vectors of {items.shape[1]}"
            raise InputError(found, "as many", file=name)
        require_finite_products(users, items, Path(name))
        tensors = {"users": users, "items": items}
    else:
        raise InputError(f"returned {type(learnt).__name__}", _RETURNED, file=name)
    handed_in = HandedIn(tensors)
    handed_in.require_trained(train, Path(name), k=k)
    return handed_in


def load_function(name: str) -> Callable[..., Any]:
    """The `function` of a section, by its `module:name`, in this folder or installed.

    Raises `InputError` if there is none.
    """
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = _called(name, lambda: getattr(importlib.import_module(module), attribute))
    if not callable(found):
        raise InputError(f"is {type(found).__name__}", "a function", file=name)
    function: Callable[..., Any] = found
    return function


def _called(name: str, function: Callable[[], Any]) -> Any:
    try:
        with fixed_threads(1):
            return function()
    except LLM4IDRecError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())[:500]
        raise InputError(
            f"raised {type(error).__name__}{f': {reason}' if reason else ''}",
            remedy="--debug shows where",
            file=name,
        ) from error


def _scores(
    name: str, score: Callable[[npt.NDArray[np.int32]], Any], train: Interactions
) -> Tensor:
    """Of every user, as many at a time as are ranked at a time."""
    scores = torch.empty(train.n_users, train.n_items)
    users, step = np.arange(train.n_users, dtype=np.int32), users_a_chunk(train.n_items)
    for start in range(0, train.n_users, step):
        chunk = users[start : start + step]
        found = _called(name, partial(score, chunk))
        scores[start : start + step] = _matrix(name, found, (len(chunk), train.n_items))
    return scores


def _matrix(name: str, value: Any, shape: tuple[int, int | None]) -> Tensor:
    """Float32 and finite; None in `shape` is any number from 1."""
    expected = f"a matrix ({shape[0]}, {shape[1] or 'd'}) of finite numbers"
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.array(value, np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise InputError(f"gave {type(value).__name__}", expected, file=name) from error
    if (
        array.ndim != 2
        or not array.shape[1]
        or array.shape != (shape[0], shape[1] or array.shape[1])
    ):
        raise InputError(f"gave an array of shape {array.shape}", expected, file=name)
    if (wrong := ~np.isfinite(array)).any():
        row, column = np.unravel_index(int(wrong.argmax()), array.shape)
        found = f"gave {array[row, column]} in row {row}, column {column}, counted from 0"
        raise InputError(found, expected, file=name)
    return torch.from_numpy(array)
