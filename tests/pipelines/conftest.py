"""A tiny tuned model, once a session, and evaluations with figures that a test chooses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import COMPARISON, places
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.config import Config
from llm4idrec.flow import run_stage
from llm4idrec.runtime.files import write_json
from llm4idrec.stages import STAGES
from pipelines.registry import registry
from pipelines.tracking import stage_runs
from tests.conftest import tiny_params, tiny_ratings
from tests.llm4idrec.evaluations import metrics_table, write_selection
from tests.pipelines.server import mlflow_server

METRIC = "ndcg_at_5"
USERS, SEEDS = 40, 2
SERVED = f"models:/{registry.MODEL}@{registry.CHALLENGER}"


@pytest.fixture(scope="session")
def tiny_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `params.yaml` and the artifacts up to the adapter."""
    root = tmp_path_factory.mktemp("tiny")
    before = Path.cwd()
    os.chdir(root)
    try:
        Path("ratings.csv").write_text(tiny_ratings())
        make_artifacts(tiny_params(), root / "artifacts")
    finally:
        os.chdir(before)
    return root


def make_artifacts(config: Config, at: Path) -> None:
    """Every stage up to the adapter."""
    for name in ("prepare", "base_model", "prompts", "adapter"):
        run_stage(STAGES[name], config, at)


@dataclass(frozen=True)
class Workshop:
    """The working directory of a test; its adapter can be given figures and be registered."""

    config: Config

    def register(
        self, gains: Mapping[str, float | None], **changes: Mapping[str, object]
    ) -> registry.Version:
        """A version whose validation gain on each recommender is as given, user by user, or (None)
        for which validation chose nothing; with `changes` of `params.yaml`, as for `workplace`."""
        config = tiny_params(**changes) if changes else self.config
        config = config.model_copy(update={"recommenders": tuple(gains)})
        shutil.rmtree("artifacts/evaluation", ignore_errors=True)
        rows = [self._evaluation(name, gain) for name, gain in gains.items()]
        write_json(Path(COMPARISON.path), rows)
        made = "generations controls candidates augmented ledger replicates rankings settings known"
        for name in made.split():
            Path("artifacts", name).mkdir(exist_ok=True)
        return register_as_it_is(config)

    def _evaluation(self, name: str, gain: float | None) -> dict[str, object]:
        folder = Path("artifacts/evaluation", name)
        folder.mkdir(parents=True)
        pq.write_table(validation(gain), folder / "validation.parquet")
        chosen = Augmentation(0.5) if gain is not None else ORIGINAL_DATA
        write_selection(folder, METRIC, {"language_model": chosen})
        gain = gain or 0.0
        return {
            "dataset": "tiny",
            "protocol": "random",
            "recommender": name,
            "metric": METRIC,
            "amount": chosen.amount,
            "original": 0.25,
            "augmented": 0.25 * (1 + gain / 2),
            "relative_gain": gain / 2,
            "ci_low": gain / 2 - 0.01,
            "ci_high": gain / 2 + 0.01,
            "p_value": 0.03,
            "n_seeds": SEEDS,
            "n_runs": 5,
            "n_users": USERS,
        }


def register_as_it_is(config: Config) -> registry.Version:
    """What lies in the working directory."""
    inputs = places(STAGES["report"].reads, config)
    with stage_runs.stage_run("report", config, [], deps=inputs, config=config) as run:
        return registry.register(run, config, inputs, comparison=Path(COMPARISON.path))


def validation(gain: float | None) -> pa.Table:
    """`validation.parquet` with a mean of 0.5 before, and a relative `gain` that differs between
    users by as much as a hundredth, so that its p is near 0; without one (None) nothing is added.
    """
    before = np.tile(np.linspace(0.4, 0.6, USERS), (SEEDS, 1))
    values = {"original": before}
    if gain is not None:
        uneven = np.tile([0.01, -0.01], USERS // 2) if gain else 0.0
        values["language_model"] = before * (1 + gain * (1 + uneven))
    return metrics_table({METRIC: values})


def clear_registry() -> None:
    """Of the store that the environment names; versions count from 1 again."""
    client = MlflowClient()
    if client.search_registered_models(f"name = '{registry.MODEL}'"):
        client.delete_registered_model(registry.MODEL)


@pytest.fixture
def workshop(workplace: Callable[..., Config], tiny_artifacts: Path) -> Workshop:
    """With an empty registry; a fixture that names another store has to come before."""
    clear_registry()
    config = workplace()
    shutil.copytree(tiny_artifacts / "artifacts", "artifacts")
    return Workshop(config)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server that is the module's own."""
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address
