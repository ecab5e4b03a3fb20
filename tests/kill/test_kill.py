"""Killed and run again, the flow ends with the same bytes; `python -m tests.kill` kills it more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kill.chain import Place, complete
from tests.kill.points import FEW


@pytest.mark.slow
def test_of_two_repros_the_second_refuses(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.prepare()
    first = place.start("prepare", ("dvc", "repro", "prepare"))
    code, output = place.run("dvc", "repro", "prepare")
    assert code != 0
    assert "is busy, it is being blocked by" in output
    assert first.wait() == 0
    assert (place.root / "artifacts/train/interactions.parquet").is_file()


@pytest.mark.slow
def test_a_killed_flow_ends_with_the_same_bytes_and_records(tmp_path: Path) -> None:
    whole, killed = Place(tmp_path / "whole"), Place(tmp_path / "killed")
    for place in (whole, killed):
        place.root.mkdir()
        place.prepare()
    with ThreadPoolExecutor(1) as beside:
        undisturbed = beside.submit(complete, whole)
        left = [killed.die(point) for point in FEW]
        complete(killed)
        undisturbed.result()
    assert "checkpoint.safetensors" in left[0]
    assert "checkpoint.safetensors" in left[1]
    assert "shards" in left[2]
    assert killed.result() == whole.result()
    assert killed.records() == whole.records()
    assert killed.records()["running"] == []
    assert killed.records()["versions"] == 1
