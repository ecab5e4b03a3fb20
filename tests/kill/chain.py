"""A small copy of the repository whose `dvc repro` is killed at one point after another."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml
from mlflow.tracking import MlflowClient

from tests.conftest import tiny_ratings
from tests.tree import copy_tree

REPO = Path(__file__).resolve().parents[2]
OF_THIS_RUN = {"cost.json", "comparison.html"}
"""Files that say how long it took and when it was."""
WORKER = "--multiprocessing-fork"
REPRO, TUNE = ("dvc", "repro", "report"), ("dvc", "repro", "tune")
PROMOTE = (sys.executable, "-m", "pipelines.run", "promote", "--force")
SMALL: dict[str, dict[str, object]] = {
    "data": {"path": "ratings.csv", "k_core": 0, "user": "user", "item": "item"},
    "split": {"valid": 0.15},
    "prompts": {"per_user": 2, "subset_length": 4},
    "base_model": {
        "hidden_size": 8,
        "layers": 1,
        "heads": 2,
        "max_epochs": 60,
        "patience": 60,
        "batch_tokens": 64,
    },
    "adapter": {"rank": 2, "steps": 30, "batch_size": 8, "checkpoint_every": 5},
    "generation": {"views": 2, "items": 20, "shard_users": 10},
    "filter": {"min_votes": 1},
    "mf": {"embedding_size": 4, "max_epochs": 40, "evaluate_every": 1},
    "tune_recommenders": {"names": ["mf", "svd"], "trials": 4, "together": 2, "workers": 1},
    "tune": {"recommenders": ["mf"], "trials": 6, "together": 3, "workers": 1},
    "replicates": {"runs": 2, "workers": 2},
    "evaluation": {
        "seeds": 2, "selection_seeds": 1, "amounts": [0.5], "cutoffs": [5], "workers": 2,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """One point: in which process, before or after which rename or call."""

    process: str
    """How its command line ends; `WORKER` for a process of a pool."""
    event: str
    number: int = 1
    when: str = "after"
    command: tuple[str, ...] = REPRO

    def __str__(self) -> str:
        return f"{self.process.split('.')[-1]}: {self.when} {self.event} no. {self.number}"


@dataclass(frozen=True)
class Moment:
    """The whole process group, so many seconds after a stage has started."""

    stage: str
    seconds: float
    command: tuple[str, ...] = REPRO

    def __str__(self) -> str:
        return f"whole group: {self.seconds:.2f} s into {self.stage}"


@dataclass(frozen=True)
class Place:
    """A clean copy of the tree, with small data and parameters."""

    root: Path

    def prepare(self) -> None:
        copy_tree(self.root)
        shutil.rmtree(self.root / "tests")
        params = yaml.safe_load((REPO / "params.yaml").read_text())
        for section, values in SMALL.items():
            params[section] |= values
        params["data"]["timestamp"] = "time"
        params |= {"dataset": "tiny", "threads": 1, "recommenders": ["ease", "mf"]}
        params["controls"] = ["base_model", "random", "ease", "random+ease", "self"]
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        (self.root / "ratings.csv").write_text(tiny_ratings())
        self._git("init", "--quiet")
        self._git("add", "--all")
        named = "-c", "user.name=test", "-c", "user.email=test@localhost"
        self._git(*named, "commit", "--quiet", "--message", "As it is")

    def _git(self, *arguments: str) -> None:
        """At one time, so that two places have the same commit, by which MLflow's run is named."""
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00Z")
        env = os.environ | dates
        subprocess.run(["git", *arguments], cwd=self.root, env=env, check=True)

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        ours = ("LLM4IDREC", "ZENML", "MLFLOW", "KILL_AT", "PYTHONPATH")
        env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        return env | (more or {})

    def run(self, *command: str, more: dict[str, str] | None = None) -> tuple[int, str]:
        """Exit code, and what was printed."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment(more), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=540,
        )  # fmt: skip
        return done.returncode, done.stdout

    def die(self, point: Kill | Moment) -> str:
        """Run until `point`, and be killed there; the half-done work that is left.

        There is nothing to promote before the flow has ended.
        """
        if point.command == PROMOTE:
            self.run(*REPRO)
        if isinstance(point, Moment):
            self._die_in_time(point)
        else:
            mark = self.root / ".git" / hashlib.md5(str(point).encode()).hexdigest()
            at = f"{point.process}|{point.event}|{point.number}|{point.when}|{mark}"
            more = {"KILL_AT": at, "PYTHONPATH": str(Path(__file__).parent)}
            code, output = self.run(*point.command, more=more)
            assert mark.is_file(), f"{point}: was not reached\n{output[-3000:]}"
            assert (code == 0) is (point.process == WORKER), output[-3000:]
        return self.half_done()

    def _die_in_time(self, moment: Moment) -> None:
        process = self.start(moment.stage, moment.command)
        time.sleep(moment.seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start(self, stage: str, command: tuple[str, ...] = REPRO) -> subprocess.Popen[bytes]:
        """A command, in a process group of its own, that has come to `stage`."""
        log = self.root / ".git" / "output"
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=self.root, env=self.environment(), stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        while f"{stage}: started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        return process

    def half_done(self) -> str:
        """What lies in the working folders: a checkpoint, shards, fits or a journal."""
        found = []
        for work in sorted(self.root.glob("artifacts/**/.*.resumable")):
            names = Counter(
                path.name for path in work.rglob("*")
                if path.name in ("checkpoint.safetensors", "training.json", "test.json")
                or (path.name.startswith("shard") or path.name == "study.journal")
            )  # fmt: skip
            shards = sum(n for name, n in names.items() if name.startswith("shard"))
            rest = [f"{n} {name}" for name, n in names.items() if not name.startswith("shard")]
            found.append(", ".join([*rest, *([f"{shards} shards"] if shards else [])]))
        return "; ".join(filter(None, found)) or "-"

    def result(self) -> dict[str, str]:
        """Every file that is the same from run to run, by hash."""
        files = [*self.root.glob("artifacts/**/*"), *self.root.glob("reports/**/*")]
        pages = "reports/validation/"  # of Great Expectations, which say when it was
        kept = [
            f for f in files
            if f.is_file() and f.name not in OF_THIS_RUN
            and (f.name == "summary.json" or pages not in str(f))
        ]  # fmt: skip
        return {
            str(f.relative_to(self.root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in kept
        }

    def records(self) -> dict[str, object]:
        """What MLflow knows, without what was superseded."""
        client = MlflowClient(f"sqlite:///{self.root / '.state/mlflow.db'}")
        experiment = client.get_experiment_by_name("llm4idrec")
        runs = client.search_runs([experiment.experiment_id], max_results=5000)
        current = [run for run in runs if "superseded" not in run.data.tags]
        status = {run.info.status for run in current}
        versions = client.search_model_versions("name = 'llm4idrec-adapter'")
        model = client.get_registered_model("llm4idrec-adapter")
        return {
            "running": [r.info.run_name for r in runs if r.info.status == "RUNNING"],
            "status": sorted(status),
            "runs": sorted(Counter(run.info.run_name for run in current).items()),
            "metrics": sorted((r.info.run_name, len(r.data.metrics)) for r in current),
            "versions": len(versions),
            "aliases": dict(model.aliases),
            "moves": [v for k, v in sorted(model.tags.items()) if k.startswith("champion.")],
        }


def complete(place: Place) -> None:
    """Run what is left of the flow and the tuning, and promote."""
    for command in (REPRO, TUNE, PROMOTE):
        code, output = place.run(*command)
        assert code == 0, output[-5000:]


def moments(seed: int) -> dict[str, Moment]:
    """Seeded moments of wall time inside long stages."""
    draw = random.Random(seed)
    return {
        stage: Moment(stage, draw.uniform(2, 8))
        for stage in ("generate", "replicate", "evaluate mf")
    }
