"""Recommenders as a user may have them: programs in two languages, and functions."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from torch import Tensor

from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.recommenders.item_based.ease import EASE

REPO = Path(__file__).resolve().parents[3]
MANUAL = (REPO / "docs/guide/own-recommender.md").read_text(encoding="utf-8")
AWK = re.findall(r"```awk\n(.*?)```", MANUAL, re.DOTALL)[0]
PYTHON = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)[0]
SECTIONS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)]
HERE = "tests.llm4idrec.own.recommenders"

COSINE = """
import sys
import numpy as np

data, out, n_users, n_items, seed, noise = sys.argv[1:]
taken = np.zeros((int(n_users), int(n_items)), np.float32)
user, item, _ = np.loadtxt(data + "/train.txt", int, ndmin=2).T
taken[user, item] = 1
length = np.sqrt(taken.sum(0)).clip(1)
random = np.random.default_rng(int(seed))
items = (taken.T @ taken) / length / length[:, None]
np.save(out + "/users.npy", taken + float(noise) * random.random(taken.shape))
np.save(out + "/items.npy", items)
"""


def program(text: str, arguments: str, **section: Any) -> dict[str, Any]:
    """The section of a recommender that is a program in Python; `arguments` stand behind it."""
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(text)} {arguments}"
    return {"command": command, "seeded": False, **section}


COSINES = program(
    COSINE,
    "{data} {out} {n_users} {n_items} {seed} {noise}",
    seeded=True,
    settings={"noise": 1e-3},
)


_TOGETHER = next(sections["together"] for sections in SECTIONS if "together" in sections)
TOGETHER: dict[str, Any] = _TOGETHER | {
    "command": _TOGETHER["command"].replace("-f shop/together.awk", shlex.quote(AWK))
}
"""The manual's, with the program in the command."""


class Scores:
    """EASE's, as a function of users."""

    def __init__(self, train: Interactions, l2: float) -> None:
        self._matrix = np.zeros((train.n_users, train.n_items), np.float32)
        self._matrix[train.user, train.item] = 1
        ease = EASE(EASEConfig(l2=l2))
        ease.learn(train)
        self._weights: Tensor = ease.state()["weights"]

    def __call__(self, users: IntArray) -> npt.NDArray[np.float32]:
        scores: npt.NDArray[np.float32] = self._matrix[users] @ self._weights.numpy()
        return scores


def ease(train: Interactions, seed: int, l2: float = 10.0) -> Scores:
    """A function for a section."""
    return Scores(train, l2)


def svd(
    train: Interactions, seed: int, *, size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Another."""
    matrix = np.zeros((train.n_users, train.n_items))
    matrix[train.user, train.item] = 1
    users, values, items = np.linalg.svd(matrix, full_matrices=False)
    return users[:, :size] * values[:size], items[:size].T


EASES: dict[str, Any] = {"function": f"{HERE}:ease", "seeded": False}
SVDS: dict[str, Any] = {"function": f"{HERE}:svd", "seeded": False, "settings": {"size": 4}}
