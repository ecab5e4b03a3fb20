"""The flow up to the augmented table, once a session, on a tiny file."""

from __future__ import annotations

import pytest

from tests.evidence.augmenting import Flow, augment, prepare


@pytest.fixture(scope="session")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """Of `tiny_ratings`; how much is added for a user, the votes decide and no ratio."""
    filter = {"min_votes": 2, "popularity_exponents": [0, 1], "max_ratio": 9.0}
    flow = prepare(tmp_path_factory.mktemp("flow"), filter=filter)
    augment(flow.config, flow.at)
    return flow
