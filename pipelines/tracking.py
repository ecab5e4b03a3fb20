"""MLflow, seen from the driver: a parent run for each version of code, parameters and data, and in
it a nested run for each stage."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from llm4idrec.config import Config
from llm4idrec.files import COST, read_json
from pipelines.environment import state

EXPERIMENT = "llm4idrec"
VERSION = "llm4idrec.version"
MOST_METRICS, MOST_PARAMS = 1000, 100  # that MLflow takes at once


@dataclass(frozen=True)
class StageRun:
    """The open MLflow run of a stage, nested in `parent_id`."""

    client: MlflowClient
    run_id: str
    parent_id: str

    def tag(self, **tags: str) -> None:
        self.client.log_batch(self.run_id, tags=[RunTag(key, text) for key, text in tags.items()])

    def log_outputs(self, outputs: Mapping[str, Path]) -> None:
        """Hashes as tags; `summary.json`, `cost.json` and `history.parquet` as metrics."""
        for name, path in outputs.items():
            self.tag(**{f"outs.{name}": dvc_hash(path)})
            for file in (path / "summary.json", path / COST):
                if file.is_file():
                    log_metrics(self.client, self.run_id, path.name, read_json(file))
            if (path / "history.parquet").is_file():
                self._log_history(path.name, path / "history.parquet")

    def log_comparison(self, comparison: Path, *more: Path) -> None:
        """The report's files as artifacts, and its figures as metrics of the parent run too."""
        for path in (comparison, *more):
            self.client.log_artifact(self.run_id, str(path))
        values = {
            f"{row['recommender']}/{row['metric']}/{key}": value
            for row in read_json(comparison)
            for key, value in row.items()
        }
        for run_id in (self.run_id, self.parent_id):
            log_metrics(self.client, run_id, "comparison", values)

    def log_trials(self, recommender: str, tuning: Path) -> None:
        """Each trial as a run nested in this one, with its setting, its value and its curves."""
        from llm4idrec.trials import TRIALS, VALIDATIONS
        from llm4idrec.tuning import FilterChoice

        names = FilterChoice._fields
        validations = pq.read_table(tuning / VALIDATIONS).to_pylist()
        parent = self.client.get_run(self.run_id)
        for trial in pq.read_table(tuning / TRIALS).to_pylist():
            tags = {
                "mlflow.parentRunId": self.run_id,
                "stage": "trial",
                "outcome": trial["outcome"],
                "recommender": recommender,
            }
            run = self.client.create_run(
                parent.info.experiment_id, tags=tags, run_name=f"trial {trial['number']}"
            )
            run_id, now = run.info.run_id, _now()
            log_params(self.client, run_id, {name: trial[name] for name in names})
            log_metrics(self.client, run_id, "trial", {k: trial[k] for k in ("value", "gain")})
            curves = [
                Metric(_name(f"trial/seed={v['seed']}"), v["value"], now, v["validation"])
                for v in validations
                if v["number"] == trial["number"]
            ]
            self.client.log_batch(run_id, metrics=curves)
            failed = trial["outcome"] == "failed"
            self.client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

    def _log_history(self, prefix: str, path: Path) -> None:
        now = _now()
        metrics = [
            Metric(_name(f"{prefix}/{row['series']}/{column}"), float(value), now, row["step"])
            for row in pq.read_table(path).to_pylist()
            for column, value in row.items()
            if column not in ("series", "step") and value is not None
        ]
        for start in range(0, len(metrics), MOST_METRICS):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + MOST_METRICS])


@contextmanager
def stage_run(
    name: str,
    version: Config,
    params: list[str],
    deps: Mapping[str, Path],
    config: Config | None = None,
) -> Iterator[StageRun]:
    """Open the stage's run inside its parent; close both, as FAILED if the block raises.

    The parent is that of `version`, `params.yaml` as it is; `config`, the same by default, is what
    the stage goes by.
    """
    client = MlflowClient()
    experiment = experiment_id(client)
    parent_id = parent_run(client, experiment, version)
    tags = {
        "mlflow.parentRunId": parent_id,
        "mlflow.source.name": f"pipelines.run {name}",
        "stage": name,
        **git_tags(),
        **{f"deps.{dep}": dvc_hash(path) for dep, path in deps.items()},
    }
    run = client.create_run(experiment, tags=tags, run_name=name)
    tracked = StageRun(client, run.info.run_id, parent_id)
    values = flat((config or version).model_dump(mode="json"))
    shaping = {k: v for k, v in values.items() if any(f"{k}.".startswith(f"{p}.") for p in params)}
    log_params(client, tracked.run_id, shaping)
    status = "FAILED"
    try:
        yield tracked
        status = "FINISHED"
    except Exception as error:
        tracked.tag(error=str(error)[:5000])
        raise
    finally:
        client.set_terminated(tracked.run_id, status)
        client.set_terminated(parent_id, status)


def experiment_id(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return str(found.experiment_id)
    # A server keeps artifacts where it was told to, not in a folder of this machine.
    served = str(client.tracking_uri).startswith("http")
    location = None if served else (state() / "mlflow").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))


def parent_run(client: MlflowClient, experiment: str, config: Config) -> str:
    """Find or make the run that stands for this version of code, parameters and data."""
    version = os.environ.get("DVC_EXP_NAME") or version_hash(config)
    found = client.search_runs(
        [experiment], f"tags.`{VERSION}` = '{version}'", order_by=["start_time ASC"], max_results=1
    )
    if found:
        client.update_run(found[0].info.run_id, "RUNNING")
        return str(found[0].info.run_id)
    tags = {VERSION: version, **git_tags()}
    run = client.create_run(experiment, tags=tags, run_name=f"{config.dataset} {version[:12]}")
    log_params(client, run.info.run_id, config.model_dump(mode="json"))
    return str(run.info.run_id)


def version_hash(config: Config) -> str:
    """Hash of the git commit, the parameters and `data.dvc`."""
    pin = Path("data.dvc")
    parts = [git_tags()["git.commit"], config.model_dump_json()]
    parts.append(pin.read_text(encoding="utf-8") if pin.is_file() else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def git_tags() -> dict[str, str]:
    """Commit, and whether tracked files differ from it (`dvc.lock` changes during a run)."""
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    return {"git.commit": _git("rev-parse", "HEAD") or "none", "git.dirty": str(bool(changes))}


def _git(*arguments: str) -> str:
    command = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return command.stdout.strip() if command.returncode == 0 else ""


def dvc_hash(path: Path) -> str:
    """The MD5 that `dvc.lock` holds for a file or folder."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()
    files = {
        f.relative_to(path).as_posix(): f for f in path.rglob("*") if f.is_file() and f.name != COST
    }
    listing = [{"md5": dvc_hash(files[name]), "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    if not isinstance(values, dict):
        return {prefix: values}
    dot = "." if prefix else ""
    return {
        k: v for key, value in values.items() for k, v in flat(value, f"{prefix}{dot}{key}").items()
    }


def log_params(client: MlflowClient, run_id: str, values: dict[str, Any]) -> None:
    params = [Param(key, str(value)) for key, value in flat(values).items()]
    for start in range(0, len(params), MOST_PARAMS):
        client.log_batch(run_id, params=params[start : start + MOST_PARAMS])


def log_metrics(client: MlflowClient, run_id: str, prefix: str, values: Mapping[str, Any]) -> None:
    """Log the numbers among `values`; what is no number is left to the files."""
    metrics = [
        Metric(_name(f"{prefix}/{key}"), float(value), _now(), 0)
        for key, value in values.items()
        if isinstance(value, int | float)
    ]
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MOST_METRICS])


def _name(text: str) -> str:
    """A metric name that MLflow takes: `amount=0.1` becomes `amount_0.1`."""
    return re.sub(r"[^\w. :/-]", "_", text)


def _now() -> int:
    return time.time_ns() // 1_000_000
