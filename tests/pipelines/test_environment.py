from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import environment
from tests.llm4idrec.verdict.rows import bottom_line_of, system

REPO = environment.REPO


def test_a_queued_experiment_keeps_its_records_with_the_original(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LLM4IDREC_STATE")
    monkeypatch.setattr(environment, "REPO", Path("/home/me/repo/.dvc/tmp/exps/tmp1"))
    assert environment.state() == Path("/home/me/repo/.state")


def test_a_variable_that_is_set_keeps_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_STORE_URL", "https://zenml.example.org")
    environment.set_variables()
    assert os.environ["ZENML_STORE_URL"] == "https://zenml.example.org"


@pytest.mark.slow
def test_a_store_whose_creation_was_killed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path))
    script = """
import os, signal, sys
from pipelines import environment
environment.prepare()
if sys.argv[1:]:
    def profile(frame, event, _):
        if frame.f_code.co_name == "create_all":
            open(os.environ["LLM4IDREC_STATE"] + "/zenml.db", "w").write("half")
            os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(profile)
environment.create_stores()
"""
    command = [sys.executable, "-c", script]
    first = subprocess.run([*command, "die"], cwd=environment.REPO, check=False)
    assert first.returncode == -signal.SIGKILL
    assert (tmp_path / "creating").is_file()
    subprocess.run(command, cwd=environment.REPO, check=True)
    assert not (tmp_path / "creating").exists()
    with closing(sqlite3.connect(tmp_path / "zenml.db")) as connection:
        connection.execute("SELECT uri FROM artifact_version")


@pytest.mark.slow
def test_the_verdict_needs_no_run_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the right to write anything: it may be another user's repository."""
    monkeypatch.chdir(tmp_path)
    Path("state").touch()
    env = {"LLM4IDREC_STATE": str(Path("state", "x").resolve()), "PYTHONPATH": str(REPO)}

    def verdict() -> tuple[int, str]:
        command = [sys.executable, "-m", "pipelines.run", "verdict"]
        done = subprocess.run(
            command, env=os.environ | env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    assert verdict() == (2, "reports/comparison.json: there is no report yet; run `dvc repro`\n")
    Path("reports").mkdir()
    for name in ("comparison", "controls"):
        Path("reports", f"{name}.json").write_text("[]")
    found = bottom_line_of(system("original", 0.3, of="mf"))
    Path("reports/bottom_line.json").write_text(json.dumps(found))
    tmp_path.chmod(0o500)
    assert verdict() == (0, "")
    tmp_path.chmod(0o700)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reports", "state"]


def test_the_settings_for_a_shell_keep_every_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / 'it\'s "$HOME" `x` #1'
    for name in ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name)
    env = os.environ | {"LLM4IDREC_STATE": str(place), "PYTHON": sys.executable}
    script = 'eval "$($PYTHON -m pipelines.environment)"; printf %s "$MLFLOW_TRACKING_URI"'
    done = subprocess.run(
        ["sh", "-c", script], cwd=REPO, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"sqlite:///{place}/mlflow.db"
    assert not place.exists()


@pytest.mark.slow
def test_a_user_without_name_and_home(tmp_path: Path) -> None:
    """As in a container that is started with a number for its user."""
    rights = "+dac_override,+dac_read_search"  # for a Python that is root's
    nobody = ["setpriv", "--reuid=54321", f"--inh-caps={rights}", f"--ambient-caps={rights}"]
    if not shutil.which("setpriv") or subprocess.run([*nobody, "true"], check=False).returncode:
        pytest.skip("needs root and setpriv")
    code = "from pipelines import environment; environment.set_variables(); import mlflow"
    there = {"LLM4IDREC_STATE": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [*nobody, sys.executable, "-c", code]
    done = subprocess.run(command, cwd=environment.REPO, env=there, check=False)
    assert done.returncode == 0


@pytest.mark.slow
def test_python_without_docstrings_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-OO", "-m", "pipelines.run", "prepare"]
    assert subprocess.run(command, cwd=environment.REPO, check=False).returncode == 2
    assert capfd.readouterr().err.startswith("Python runs without docstrings (-OO, ")
