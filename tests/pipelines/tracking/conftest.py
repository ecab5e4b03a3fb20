"""What the tests of MLflow's runs share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's runs of one test, in a folder of its own."""
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
