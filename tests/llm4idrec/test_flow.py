"""`llm4idrec run`, again: after it has ended, after a change, and after it was stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.config import Config
from llm4idrec.stages import FLOW
from tests.llm4idrec.results import results

REPO = Path(__file__).resolve().parents[2]
ARTIFACTS = Path("artifacts")
Output = pytest.CaptureFixture[str]
STEPS = [stage.name for stage in FLOW]
AFTER_THE_FILTER = ["augment", "evaluate", "rank", "report"]


@pytest.fixture
def params(workplace: Callable[..., Config]) -> Path:
    workplace()
    file = Path("params.yaml")
    values = yaml.safe_load(file.read_text()) | {"recommenders": ["ease"]}
    file.write_text(yaml.safe_dump(values))
    return file


def run(captured: Output) -> tuple[list[str], str]:
    """The stages that were run, and the answer."""
    assert main(["run"]) == 0
    out, err = captured.readouterr()
    passed = {line.split()[0].rstrip(":") for line in err.splitlines() if "up to date" in line}
    return [name for name in STEPS if name not in passed], out


@pytest.mark.slow
def test_only_what_changed_is_run_again(params: Path, capfd: Output) -> None:
    ran, answer = run(capfd)
    assert ran == STEPS
    before = results(ARTIFACTS)
    assert run(capfd) == ([], answer)
    assert results(ARTIFACTS) == before

    params.write_text(params.read_text().replace("max_ratio: 0.5", "max_ratio: 0.4"))
    assert run(capfd)[0] == AFTER_THE_FILTER

    # What somebody else wrote is made anew, and what is made of it only if that differs.
    rows = Path("artifacts/generations/shard-00000.parquet")
    rows.write_bytes(before["train/interactions.parquet"])
    assert run(capfd)[0] == ["generate"]

    ratings = Path("ratings.csv")
    ratings.write_text(ratings.read_text() + "u0,m31,5\n")
    assert "base_model" in run(capfd)[0]


@pytest.mark.slow
def test_what_was_stopped_goes_on(params: Path, capfd: Output) -> None:
    _, answer = run(capfd)
    undisturbed = results(ARTIFACTS)
    ARTIFACTS.rename("elsewhere")
    with subprocess.Popen(
        [sys.executable, "-m", "llm4idrec", "run"],
        env=os.environ | {"PYTHONPATH": str(REPO)}, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert any(line.startswith("controls:") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    capfd.readouterr()
    ran, again = run(capfd)
    assert ran == STEPS[STEPS.index("controls") :]
    assert again == answer
    assert results(ARTIFACTS) == undisturbed


@pytest.mark.slow
def test_a_stage_alone_always_runs(params: Path, capfd: Output) -> None:
    run(capfd)
    page = Path("artifacts/reports/comparison.html")
    written = page.stat().st_mtime_ns
    assert main(["report"]) == 0
    assert page.stat().st_mtime_ns > written
