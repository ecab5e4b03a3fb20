"""The flow up to the augmented table, once a session, on a tiny file."""

from __future__ import annotations

import pytest

from tests.evidence.augmenting import Flow, augment, prepare


@pytest.fixture(scope="session")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """Of `tiny_ratings`; the votes that a candidate needs make the volume differ between users."""
    flow = prepare(tmp_path_factory.mktemp("flow"), filter={"min_votes": 2, "popularity": [0, 1]})
    augment(flow.config, flow.at)
    return flow
