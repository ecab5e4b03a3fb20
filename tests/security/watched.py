"""The driver's commands in processes of their own, with secrets to lose and pickles noted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPO, tiny_params, tiny_ratings
from tests.evidence.augmenting import inside

SECRET = "hunter2-f3a9c1d7"
SCRIPT = "<script>alert(1)</script>"
"""Stands in every ID of an item."""
TOKENS = ("HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ZENML_STORE_API_KEY")
COMMANDS = (
    ["all"],
    ["promote", "--force"],
    ["recommend", "--histories", "new.csv", "--to", "out.csv", "--debug"],
)
# `pickle.find_class` is raised whenever a class is looked up for an object in a pickle, by
# whatever package; files are read and written by `load` and `dump`. Processes that multiprocessing
# starts are not watched: they are sent functions and settings as pickles, which no file holds.
WATCH = """
import os, pickle, runpy, sys, traceback

def note(what):
    with open(os.environ["PICKLES"], "a") as stream:
        stream.write(what + "\\n" + "".join(traceback.format_stack(limit=6)))

sys.addaudithook(lambda event, _: note(event) if event == "pickle.find_class" else None)
for name in ("load", "dump"):
    def noted(*arguments, _name=name, _real=getattr(pickle, name), **named):
        note("pickle." + _name)
        return _real(*arguments, **named)
    setattr(pickle, name, noted)
sys.argv[0] = sys.argv.pop(1)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class WatchedRun:
    """What the commands said, what they unpickled, and the folder of everything they wrote."""

    said: str
    pickles: str
    root: Path

    def files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]


def run_everything(root: Path, tracking: str) -> WatchedRun:
    """`COMMANDS`, then a stage that fails, below `root`; `tracking` is the server's address."""
    work, notes = root / "work", root.parent / f"{root.name}.pickles"
    work.mkdir()
    notes.touch()
    with inside(work):
        text = tiny_ratings().replace(",m", f",{SCRIPT}m")
        Path("ratings.csv").write_text(text)
        Path("new.csv").write_text(f"user,item\nanna,{SCRIPT}m3\nanna,{SCRIPT}m4\n")
        tiny_params()
        environment = {
            **os.environ,
            **dict.fromkeys(TOKENS, SECRET),
            "PICKLES": str(notes),
            "PYTHONPATH": str(REPO),
            "LLM4IDREC_STATE": str(root / "state"),
            "MLFLOW_TRACKING_URI": with_password(tracking),
        }
        for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "ZENML_STORE_TYPE"):
            environment.pop(name, None)
        said = [driver(environment, command, 0) for command in COMMANDS]
        Path("ratings.csv").write_text(f"{text}u1,m1,yesterday\n")
        said += [driver(environment, ["prepare", *debug], None) for debug in ([], ["--debug"])]
    return WatchedRun("".join(said), notes.read_text(), root)


def with_password(address: str) -> str:
    return address.replace("://", f"://somebody:{SECRET}@")


def driver(environment: dict[str, str], command: list[str], code: int | None) -> str:
    """What `python -m pipelines.run` says; it ends with `code`, or None: with any but 0."""
    run = subprocess.run(
        [sys.executable, "-c", WATCH, "pipelines.run", *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert bool(run.returncode) == (code is None), run.stdout
    return run.stdout
