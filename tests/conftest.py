"""The environment of every test, set before ZenML is imported: records in a temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import settings

_state = tempfile.TemporaryDirectory(prefix="llm4idrec-tests-")
for _name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "ZENML_STORE_TYPE", "MLFLOW_TRACKING_URI"):
    os.environ.pop(_name, None)
os.environ["LLM4IDREC_STATE"] = _state.name

from llm4idrec.config import Config  # noqa: E402
from pipelines import environment  # noqa: E402

environment.prepare()

REPO = Path(__file__).resolve().parents[1]

TINY_CONTROLS = ["language_model+ease", "base_model", "svd", "ease", "random", "self"]

# No test asserts a time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_unconfigure() -> None:
    _state.cleanup()


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """The driver sets variables; a test must not hand them on to the next."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """A fresh working directory with a tiny `ratings.csv`.

    Call it to write `params.yaml`, as in `workplace(filter={"min_votes": 2})`, and get it parsed.
    """
    monkeypatch.chdir(tmp_path)
    Path("ratings.csv").write_text(tiny_ratings())
    return tiny_params


def tiny_ratings() -> str:
    """40 users with 8 to 12 of 30 items each, as CSV with times."""
    random = np.random.default_rng(7)
    lines = ["user,item,time"]
    for user in range(40):
        items = random.choice(30, size=int(random.integers(8, 13)), replace=False)
        lines += [f"u{user},m{item},{random.integers(10**6)}" for item in items]
    return "\n".join(lines) + "\n"


def tiny_params(**changes: Mapping[str, object]) -> Config:
    """Write the repository's `params.yaml` at its smallest."""
    params = tiny_values(**changes)
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return Config.read(Path("params.yaml"))


def tiny_values(**changes: Mapping[str, object]) -> dict[str, Any]:
    """The same, not written."""
    params: dict[str, Any] = yaml.safe_load((REPO / "params.yaml").read_text())
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    small: dict[str, Mapping[str, object]] = {
        "data": {"path": "ratings.csv", "k_core": 0, **columns},
        "split": {"protocol": "random", "min_test_users": 2},
        "prompts": {"per_user": 2, "subset_length": 4},
        "base_model": {
            "hidden_size": 8,
            "layers": 1,
            "heads": 2,
            "max_epochs": 1,
            "learning_rate": 0.02,  # so that one epoch changes something
        },
        "adapter": {"rank": 2, "steps": 2, "batch_size": 8, "checkpoint_every": 1},
        "generation": {"views": 2, "items": 20, "shard_users": 16},
        "filter": {"min_votes": 1},
        "mf": {"embedding_size": 4, "max_epochs": 2, "evaluate_every": 1},
        "lightgcn": {"embedding_size": 4, "max_epochs": 2, "evaluate_every": 1, "layers": 1},
        "replicates": {"runs": 2, "workers": 1},
        "evaluation": {
            "seeds": 2,
            "selection_seeds": 1,
            "amounts": [0.5],
            "cutoffs": [5],
            "workers": 1,
        },
        "tune_recommenders": {"names": []},
    }
    params |= {"recommenders": ["mf", "lightgcn"], "controls": TINY_CONTROLS}
    for sections in (small, changes):
        for section, values in sections.items():
            params[section] |= values
    return params | {"dataset": "tiny", "device": "cpu", "threads": 1}
