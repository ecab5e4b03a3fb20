"""The tiny flow's models, and one run of the whole flow, watched, once a session each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.evidence.augmenting import Flow, augment, prepare
from tests.pipelines.server import mlflow_server
from tests.security.watched import WatchedRun, run_everything


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    flow = prepare(tmp_path_factory.mktemp("tiny"))
    augment(flow.config, flow.at)
    return flow


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRun]:
    """The driver's commands from data to recommendations, with a tracking server."""
    root = tmp_path_factory.mktemp("watched")
    (root / "server").mkdir()
    with mlflow_server(root / "server") as address:
        yield run_everything(root, address)
