"""A replay that is killed with -9, in five windows, ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.csv
import pytest
import yaml

from llm4idrec.runtime.files import content_hash
from tests.conftest import tiny_values
from tests.llm4idrec.replay.year import REPLAY, year

COMMAND = [sys.executable, "-m", "llm4idrec", "replay"]
REPO = Path(__file__).resolve().parents[2]
MADE = ("retrained/base_model", "adapter/adapter", "champion/generations", "rankings.parquet", "")
"""What has been made of the nights 1 to 5 when they are killed; the last has just begun."""


def prepared(folder: Path) -> Path:
    folder.mkdir()
    pyarrow.csv.write_csv(year().select(["user", "item", "timestamp"]), folder / "ratings.csv")
    values = tiny_values(replay=REPLAY, data={"timestamp": "timestamp", "min_history": 1})
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    run(folder, [*COMMAND[:-1], "prepare"])
    return folder


def run(folder: Path, command: list[str]) -> None:
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO)}


def kill_once_there(folder: Path, made: Path) -> None:
    with subprocess.Popen(
        COMMAND, cwd=folder, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not made.exists():
            assert process.poll() is None
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_replay_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = prepared(tmp_path / "whole"), prepared(tmp_path / "killed")
    for number, made in enumerate(MADE):
        night = killed / f"artifacts/replay/.itemknn.resumable/night-{number + 1:03d}"
        kill_once_there(killed, night / made)
        assert not (killed / "artifacts/replay/itemknn").exists()
    for folder in (whole, killed):
        run(folder, COMMAND)
    one, other = (folder / "artifacts/replay/itemknn" for folder in (whole, killed))
    assert content_hash(one) == content_hash(other)
    assert not (killed / "artifacts/replay/.itemknn.resumable").exists()
