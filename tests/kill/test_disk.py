"""A disk that is full or read-only: one sentence, exit code 1, and nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm4idrec.runtime.faults import FAULTS
from tests.conftest import tiny_params, tiny_ratings

REPO = Path(__file__).resolve().parents[2]
MOUNT = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
FULL, READ_ONLY = (next(t for t in FAULTS.values() if w in t) for w in ("disk is", "read-only"))


def on_a_disk(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in `disk`, an empty file system that only the script sees; `$PYTHON`."""
    mount = subprocess.run([*MOUNT, "mount", "-t", "tmpfs", "none", tmp_path], check=False)
    if mount.returncode:
        pytest.skip("a file system cannot be mounted here")
    (tmp_path / "disk").mkdir()
    os.chdir(tmp_path)
    tiny_params()
    Path("ratings.csv").write_text(tiny_ratings())
    return subprocess.run(
        [*MOUNT, "sh", "-euc", script],
        env=os.environ | {"PYTHONPATH": str(REPO), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(autouse=True)
def _same_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def mounted(size: str) -> str:
    return f"mount -t tmpfs -o size={size} none disk; cp params.yaml ratings.csv disk; cd disk\n"


LEFT = "\nfind artifacts reports -name '*.partial' -o -name '*.replaced' 2> /dev/null || true"
STORED = "export LLM4IDREC_STATE=$PWD/state; unset ZENML_STORE_URL MLFLOW_TRACKING_URI\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "before", "command"),
    [
        ("40k", "", "llm4idrec run"),  # in the split
        ("210k", "", "llm4idrec run"),  # in the generation
        ("1m", "", "pipelines.run prepare"),  # in Great Expectations' pages
        ("200k", STORED, "pipelines.run prepare"),  # in the databases
    ],
)
def test_a_full_disk(tmp_path: Path, size: str, before: str, command: str) -> None:
    script = f"{mounted(size)}{before}$PYTHON -m {command} > /dev/null || echo code $?{LEFT}"
    done = on_a_disk(tmp_path, script)
    assert done.stdout == "code 1\n"
    assert FULL in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    steps = "$PYTHON -m llm4idrec generate"
    script = (
        mounted("210k")
        + f"""
        $PYTHON -m llm4idrec run > /dev/null 2>&1 || echo code $?
        ls artifacts/.generations.resumable | tail -n 1
        mount -o remount,size=10m .
        {steps}
        sha256sum artifacts/generations/*.parquet > first
        rm -r artifacts/generations
        {steps}
        sha256sum --check --quiet first && echo equal
    """
    )
    assert on_a_disk(tmp_path, script).stdout.split("\n")[0:3:2] == ["code 1", "equal"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "command"),
    [("", "llm4idrec prepare"), (STORED, "pipelines.run prepare")],
    ids=["library", "driver"],
)
def test_a_read_only_disk_keeps_what_was_there(tmp_path: Path, before: str, command: str) -> None:
    script = (
        mounted("10m")
        + f"""
        $PYTHON -m llm4idrec prepare
        sha256sum artifacts/*/* > /tmp/sums.$$
        mount -o remount,ro .
        {before}$PYTHON -m {command} > /dev/null || echo code $?
        sha256sum --check --quiet /tmp/sums.$$ && echo whole
        rm /tmp/sums.$$
    """
    )
    done = on_a_disk(tmp_path, script)
    assert done.stdout == "code 1\nwhole\n"
    (sentence,) = done.stderr.splitlines()
    assert sentence.endswith(READ_ONLY)
