"""MLflow, seen from the driver: a parent run for each version of code, parameters and data, and in
it a nested run for each stage."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from mlflow.entities import Metric, RunTag
from mlflow.tracking import MlflowClient

from llm4idrec.artifacts import Artifact, Files
from llm4idrec.config import Config
from llm4idrec.config.comparison import OWN_FILE
from llm4idrec.errors import without_passwords
from llm4idrec.runtime.files import COST, read_json
from pipelines.environment import state
from pipelines.git import git_tags
from pipelines.relocation import EXPERIMENT, MLFLOW_FILES
from pipelines.tools import mlflow_internals
from pipelines.tools.dvc_internals import dvc_hash
from pipelines.tools.mlflow_internals import PARENT
from pipelines.tracking.batches import curves, flat, log_metrics, log_params, numbers
from pipelines.tracking.search import tagged

VERSION = "llm4idrec.version"
STAGE, PLACE = "stage", "place"
"""Tags of a stage's run: which stage, on which machine in which folder."""
SUPERSEDED = "superseded"
"""Tag of a stage's run that was repeated for the same version: the ID of the newer one."""


@dataclass(frozen=True)
class StageRun:
    """The open MLflow run of a stage, nested in `parent_id`; `about` are the tags that every run
    of a version has: dataset, filter, version."""

    client: MlflowClient
    run_id: str
    parent_id: str
    experiment_id: str
    about: Mapping[str, str]

    def tag(self, **tags: str) -> None:
        tag_run(self.client, self.run_id, tags)

    def tag_version(self, **tags: str) -> None:
        """Tags of this run and of its parent."""
        for run_id in (self.run_id, self.parent_id):
            tag_run(self.client, run_id, tags)

    def log_outputs(self, outputs: Files, apart: Collection[Artifact] = ()) -> None:
        """Hashes as tags; `summary.json`, `cost.json` and `history.parquet` as metrics; of those
        `apart`, whose figures have runs of their own, only the cost."""
        self.tag(**{f"outs.{a.path}": dvc_hash(path) for a, path in outputs.items()})
        metrics: list[Metric] = []
        for artifact, path in outputs.items():
            summary = [] if artifact in apart else [path / "summary.json"]
            for file in (path / COST, *summary):
                if file.is_file():
                    metrics += numbers(read_json(file), path.name)
            if (path / "history.parquet").is_file() and artifact not in apart:
                for row in pq.read_table(path / "history.parquet").to_pylist():
                    series = row.pop("series")
                    metrics += curves([row], "step", f"{path.name}/{series}")
        log_metrics(self.client, self.run_id, metrics)

    def nest(
        self, name: str, tags: Mapping[str, str], status: str = "FINISHED", *,
        start: int, params: Mapping[str, object], metrics: Sequence[Metric],
    ) -> None:  # fmt: skip
        """A closed run inside this one, by that `name`; the UI puts the one with the largest
        `start` (milliseconds) first.

        `tags` are beside those of all runs of the version; `status` is one of MLflow's; `params`
        and `metrics` are logged.
        """
        tags = {PARENT: self.run_id, **self.about, **tags}
        run = self.client.create_run(self.experiment_id, start_time=start, tags=tags, run_name=name)
        log_params(self.client, run.info.run_id, params)
        log_metrics(self.client, run.info.run_id, metrics)
        self.client.set_terminated(run.info.run_id, status)


@contextmanager
def stage_run(
    name: str,
    version: Config,
    params: list[str],
    *,
    deps: Files,
    config: Config | None = None,
) -> Iterator[StageRun]:
    """Open the stage's run inside its parent; close both, as FAILED if the block raises
    and as KILLED if it is interrupted.

    The parent is that of `version`, `params.yaml` as it is; `config`, the same by default, is what
    the stage `name` goes by; its keys `params` and what lies below them are logged, and the hashes
    of the files `deps`. Earlier runs of the same stage and version are marked when it is finished;
    those that a killed process left open are closed as KILLED: nobody else is at this stage here.
    """
    client = MlflowClient()
    experiment = experiment_id(client)
    place = f"{socket.gethostname()}:{Path.cwd()}"
    _close_killed(client, experiment, {STAGE: name, PLACE: place})
    parent_id = parent_run(client, experiment, version)
    tags = {
        PARENT: parent_id,
        mlflow_internals.SOURCE: f"pipelines.run {name}",
        STAGE: name,
        PLACE: place,
        **about(version),
        **git_tags(),
        **{f"deps.{a.path}": dvc_hash(path) for a, path in deps.items()},
    }
    run = client.create_run(experiment, tags=tags, run_name=name)
    tracked = StageRun(client, run.info.run_id, parent_id, experiment, about(version))
    values = flat((config or version).model_dump(mode="json"))
    shaping = {k: v for k, v in values.items() if any(f"{k}.".startswith(f"{p}.") for p in params)}
    log_params(client, tracked.run_id, shaping)
    status = "FAILED"
    try:
        yield tracked
        _supersede(tracked, name)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    except Exception as error:
        tracked.tag(error=without_passwords(str(error))[:5000])
        raise
    finally:
        client.set_terminated(tracked.run_id, status)
        client.set_terminated(parent_id, status)


def _close_killed(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> None:
    """Runs that are still open, those inside them, and those of their versions."""
    is_open = "attributes.status = 'RUNNING'"
    for killed in tagged(client, experiment, tags, is_open):
        inside = tagged(client, experiment, {PARENT: killed.info.run_id}, is_open)
        run_ids = [run.info.run_id for run in inside]
        for run_id in (*run_ids, killed.info.run_id, killed.data.tags[PARENT]):
            client.set_terminated(run_id, "KILLED")


def _supersede(newer: StageRun, stage: str) -> None:
    """Mark the runs that `newer` repeats; they stay, for models may have come from them."""
    same = {PARENT: newer.parent_id, STAGE: stage}
    for older in tagged(newer.client, newer.experiment_id, same):
        run_id = older.info.run_id
        if run_id != newer.run_id and SUPERSEDED not in older.data.tags:
            tag_run(newer.client, run_id, {SUPERSEDED: newer.run_id})
            newer.client.update_run(run_id, name=f"{stage} ({SUPERSEDED})")


def experiment_id(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return str(found.experiment_id)
    # A server keeps artifacts where it was told to, not in a folder of this machine.
    served = str(client.tracking_uri).startswith("http")
    location = None if served else (state() / MLFLOW_FILES).as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))


def parent_run(client: MlflowClient, experiment: str, config: Config) -> str:
    """Find or make the run that stands for this version of code, parameters and data."""
    version = os.environ.get("DVC_EXP_NAME") or version_hash(config)
    found = tagged(client, experiment, {VERSION: version}, order_by=["start_time ASC"])
    if found:
        run = found[0]
        client.update_run(run.info.run_id, "RUNNING")
    else:
        named = about(config)
        tags = {VERSION: version, **named, **git_tags()}
        run = client.create_run(experiment, tags=tags, run_name=" · ".join(named.values()))
    values = flat(config.model_dump(mode="json"))
    if len(run.data.params) < len(values):  # new, or its maker was killed
        log_params(client, run.info.run_id, values)
    return str(run.info.run_id)


def about(config: Config) -> dict[str, str]:
    """What tells a version from others at sight: data set, whose filter, name or hash."""
    source = config.filter.source
    return {
        "dataset": config.dataset,
        "filter": str(source) if source == OWN_FILE else f"tuned for {source.parent.name}",
        "version": os.environ.get("DVC_EXP_NAME") or version_hash(config)[:12],
    }


def version_hash(config: Config) -> str:
    """Hash of the git commit, the parameters and `data.dvc`."""
    pin = Path("data.dvc")
    parts = [git_tags()["git.commit"], config.model_dump_json()]
    parts.append(pin.read_text(encoding="utf-8") if pin.is_file() else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def tag_run(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    client.log_batch(run_id, tags=[RunTag(key, text) for key, text in tags.items()])
