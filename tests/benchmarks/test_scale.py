"""The memory that filter, merge and ranking take, on data that would need more at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scale import in_fresh_process, write_interactions
from llm4idrec.runtime.files import content_hash


@pytest.mark.slow
def test_filter_merge_and_ranking_stay_below_the_bound(tmp_path: Path) -> None:
    """50,000 users, 100,000 items, a million pairs, three million candidates; `memory` shapes
    nothing but the peak."""
    at, bound = tmp_path / "data", 0.7
    write_interactions(at, 1_000_000)
    peaks = {
        stage: in_fresh_process(stage, at, bound)["peak_mb"]
        for stage in ("read", "split", "know", "filter", "merge", "rank")
    }
    assert max(peaks[stage] for stage in ("filter", "merge", "rank")) < 1000 * bound
    in_parts = content_hash(at / "candidates")
    assert in_fresh_process("filter", at, 4.0)["peak_mb"] > peaks["filter"]
    assert content_hash(at / "candidates") == in_parts
