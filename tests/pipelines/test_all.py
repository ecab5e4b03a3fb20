"""The whole flow as one ZenML pipeline, and what MLflow then holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from zenml.client import Client

from llm4idrec.config import Config
from llm4idrec.stages import FLOW
from pipelines import run
from pipelines.registry.registry import CHALLENGER, MODEL
from pipelines.tracking import stage_runs


@pytest.mark.slow
def test_all_tracks_each_stage_caches_by_content_and_serves_the_adapter(
    workplace: Callable[..., Config],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    config = workplace()
    scratch = tmp_path / "tmp"
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    scratch.mkdir()
    assert run.main(["all"]) == 0
    assert not list(scratch.glob("llm4idrec-*"))
    assert "NDCG@5" in capfd.readouterr().out
    assert not Path("artifacts").exists()

    client = MlflowClient()
    version = f"tags.`{stage_runs.VERSION}` = '{stage_runs.version_hash(config)}'"
    (parent,) = client.search_runs([stage_runs.experiment_id(client)], version)
    assert "gain/mf" in parent.data.metrics
    nested = client.search_runs(
        [stage_runs.experiment_id(client)], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    assert {found.data.tags["stage"] for found in nested} == {stage.name for stage in FLOW}

    served = mlflow.pyfunc.load_model(f"models:/{MODEL}@{CHALLENGER}")
    history = ["m3", "m1", "m4"]
    frame = pd.DataFrame({"user": ["new"], "items": [history]})
    first, again = served.predict(frame), served.predict(frame)
    pd.testing.assert_frame_equal(first, again)
    assert set(first["user"]) == {"new"}
    assert not set(first["item"]) & set(history)
    assert (np.diff(first["mean_log_probability"]) <= 0).all()

    assert run.main(["all"]) == 0
    assert set(statuses().values()) == {"cached"}
    workplace(filter={"max_items": 1})
    assert run.main(["all"]) == 0
    changed = statuses()
    assert changed.pop("generate") == changed.pop("adapter") == "cached"
    assert changed["augment"] == changed["evaluate_mf"] == "completed"


def statuses() -> dict[str, str]:
    """Of each step in the newest ZenML run, which the newest MLflow run names."""
    client = MlflowClient()
    newest = client.search_runs(
        [stage_runs.experiment_id(client)], "tags.stage = 'report'", order_by=["start_time DESC"]
    )[0]
    steps = Client().get_pipeline_run(newest.data.tags["zenml.run"]).steps
    return {name: str(step.status.value) for name, step in steps.items()}
