"""Run a stage of `dvc.yaml`, the whole flow on a ZenML stack, or MLflow's user interface."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

from llm4idrec.artifacts import (
    BOTTOM_LINE,
    COMPARISON,
    CONTROL_COMPARISON,
    EVALUATION,
    FIGURES,
    REPLAY_PAGE,
    SOURCE,
    TRAIN,
    Files,
    places,
)
from llm4idrec.config import Config
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from llm4idrec.preflight import check_parameters
from llm4idrec.runtime.device import require_device
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import forget_work, locked
from llm4idrec.runtime.project import PARAMS, enter_project, path_or_address
from llm4idrec.stages import FLOW, STAGES
from pipelines import environment
from pipelines.checks import check_ahead, require_files, untracked
from pipelines.snapshot import Snapshot
from steps.workspace import SCRATCH

if TYPE_CHECKING:
    from pipelines.orchestration.flow import Done

ANSWER = COMPARISON, CONTROL_COMPARISON, BOTTOM_LINE
"""The files that tell the answer."""
SERVED = "models:/llm4idrec-adapter@champion"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = parser().parse_args(arguments)
    enter_project(options)

    def run() -> None:
        if options.run is not show_verdict:  # which only reads
            environment.prepare(debug=options.debug)
        options.run(options)

    return exit_code(run, debug=options.debug)


def parser() -> argparse.ArgumentParser:
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument("--debug", action="store_true", help="show tracebacks and ZenML's log")
    commands = argparse.ArgumentParser("python -m pipelines.run", description=__doc__)
    choices = commands.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> Any:
        command = choices.add_parser(name, parents=[debug], help=text)
        command.set_defaults(run=run)
        return command

    for name, stage in STAGES.items():
        stage.add_options(add(name, run_stage, stage.about))
    whole = add("all", run_all, "all stages as one ZenML pipeline")
    whole.add_argument("--stack", default="default", help="a ZenML stack (this machine)")
    whole.add_argument("--settings", type=Path, help="ZenML run configuration: see stacks/run.yaml")
    given = whole.add_mutually_exclusive_group()
    address = "address of data that the run fetches: s3://..."
    given.add_argument("--source", type=path_or_address, help=address)
    given.add_argument("--record", metavar="RUN", help="only log a completed ZenML run in MLflow")
    add(
        "verdict",
        show_verdict,
        "print what to serve, and what a language model gives",
    )
    champion = add("promote", promote, "make the challenger champion if validation says so")
    champion.add_argument("--version", help="another version than the challenger")
    champion.add_argument("--force", action="store_true", help="whatever validation says")
    add("rollback", roll_back, "make the version champion that the champion replaced")
    new = add("recommend", recommend, "items for new users from a registered model")
    histories = "CSV, TSV, JSON lines or Parquet, by its ending"
    new.add_argument("--histories", type=Path, required=True, help=histories)
    new.add_argument("--to", type=Path, required=True, help="file to write, of any of these kinds")
    new.add_argument("--model", type=path_or_address, default=SERVED, help=f"({SERVED})")
    new.add_argument("--items", type=int, default=10, help="most items a user (10)")
    for role in ("user", "item"):
        new.add_argument(f"--{role}", metavar="COLUMN", default=role, help=f"({role})")
    new.add_argument("--timestamp", metavar="COLUMN", help="(timestamp, if there is one)")
    unknown = "users of whom nothing is known: no items (skip), or what is popular"
    new.add_argument("--unknown", choices=("skip", "popular"), default="skip", help=unknown)
    new.add_argument("--workers", type=int, default=2, help="processes side by side (2)")
    ui = add("ui", show_runs, "serve MLflow's user interface on 127.0.0.1")
    ui.add_argument("--port", type=int, help="(5000, or the next that is free)")
    return commands


def run_stage(options: argparse.Namespace) -> None:
    """One ZenML pipeline inside one MLflow run; the files stay in place, for DVC to keep."""
    started, stage = time.monotonic(), STAGES[options.command]
    values = read_yaml(PARAMS)
    version = Config.parse(values, PARAMS)
    config = stage.config_for(version, options.recommender)
    label = " ".join((stage.name, *(config.recommenders if stage.each else ())))
    before = Snapshot.take(stage, config, values)
    config = config.with_tuned_filter() if stage.tuned else config
    require_device(config.device)
    inputs, outputs = places(stage.reads, config), places(stage.outputs, config)
    require_files(inputs)
    check_ahead(stage.name, version, inputs.get(TRAIN))
    if SOURCE in stage.reads and TRAIN in outputs and (hint := untracked(config.data.path)):
        print(hint, file=sys.stderr)
    busy = f"the stage {label} is being run by another process; wait until it is done, or end it"
    with locked(environment.lock_of(label), busy):
        print(f"{label}: started", flush=True)
        environment.create_stores()
        from pipelines.orchestration import flow
        from pipelines.tracking import stage_runs
        from pipelines.tracking.stage_log import log_stage

        keys = stage.keys(config)
        with (
            before.explaining(),
            stage_runs.stage_run(label, version, keys, deps=inputs, config=config) as run,
        ):
            with before.all_or_none(outputs):
                zenml_run = flow.run_stage(stage, config, inputs)
                if TRAIN in outputs:
                    check_ahead(stage.name, version, outputs[TRAIN])
            run.tag(**{"zenml.run": zenml_run})
            log_stage(run, config, inputs=inputs, outputs=outputs)
            with before.all_or_none(outputs):
                pass  # as late as can be, for DVC looks next
        forget_work(*outputs.values())
    if EVALUATION in outputs:
        from llm4idrec.verdict.early import early_sentence

        print(early_sentence(outputs[EVALUATION], version.recommenders), flush=True)
    for name in config.recommenders:
        if (page := outputs.get(REPLAY_PAGE.of(name))) is not None:
            print(f"{label}: see {page}")
    if FIGURES in outputs:
        print(f"{label}: see {outputs[FIGURES]}, or `python -m pipelines.run verdict`")
    print(f"{label}: {time.monotonic() - started:.1f} s", flush=True)


def run_all(options: argparse.Namespace) -> None:
    """One ZenML pipeline, then its stages' MLflow runs, which this machine writes."""
    environment.create_stores()
    from pipelines.orchestration import flow

    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
        os.environ[SCRATCH] = scratch
        if options.record:
            done = flow.finished(options.record, options.stack)
        else:
            version = Config.read(PARAMS)
            check_parameters(version.with_tuned_filter())
            if options.stack == "default":  # another has machines of its own
                require_device(version.device)
            if options.source:
                source: Path | str = str(options.source)  # a path may be there for the run only
            else:
                source = version.data.path
                require_files({SOURCE: source})
            before = Snapshot.of_code()
            left = flow.run_all(
                version, source, stack_name=options.stack, settings=options.settings
            )
            if left is None:
                print("left to run by itself; when `zenml pipeline runs list` shows it completed:")
                print(f"python -m pipelines.run all --stack {options.stack} --record RUN")
                return
            before.require_same()
            done = left
        record(done)
    print("comparison.html is with the run `report` in MLflow: python -m pipelines.run ui")


def record(done: Done) -> None:
    """MLflow's runs of the stages of a completed run of the whole flow; prints the verdict."""
    from pipelines.tracking import stage_runs
    from pipelines.tracking.stage_log import log_stage

    config = done.config
    for stage in FLOW:
        inputs = {artifact: done.files[artifact] for artifact in places(stage.reads, config)}
        outputs = {artifact: done.files[artifact] for artifact in places(stage.outputs, config)}
        keys = stage.keys(config)
        with stage_runs.stage_run(
            stage.name, done.version, keys, deps=inputs, config=config
        ) as run:
            run.tag(**{"zenml.run": done.run_id})
            log_stage(run, config, inputs=inputs, outputs=outputs)
    print_verdict(done.files)


def show_verdict(options: argparse.Namespace) -> None:
    """The answer of the newest report."""
    files = {artifact: Path(artifact.path) for artifact in ANSWER}
    for file in files.values():
        if not file.is_file():
            raise InputError("there is no report yet", remedy="run `dvc repro`", file=file)
    print_verdict(files)


def print_verdict(files: Files) -> None:
    from llm4idrec.verdict.tables import answer

    print(answer(*(files[artifact] for artifact in ANSWER)), flush=True)


def promote(options: argparse.Namespace) -> None:
    """The challenger against the champion; exit code 1 if nothing moved."""
    from mlflow.tracking import MlflowClient

    from pipelines.registry import promotion

    with locked(environment.state() / ".promotion"):
        print(promotion.promote(MlflowClient(), options.version, options.force))


def roll_back(options: argparse.Namespace) -> None:
    """The champion gives way to the version before it."""
    from mlflow.tracking import MlflowClient

    from pipelines.registry import promotion

    with locked(environment.state() / ".promotion"):
        print(promotion.rollback(MlflowClient()))


def recommend(options: argparse.Namespace) -> None:
    """A file of histories -> a file of items."""
    from pipelines.registry import recommendations
    from pipelines.registry.shards import Asked

    columns = {"user": options.user, "item": options.item, "timestamp": options.timestamp}
    rows, served, users = recommendations.recommend(
        str(options.model), options.histories, options.to, columns=columns,
        asked=Asked(options.items, options.unknown), workers=options.workers,
    )  # fmt: skip
    print(f"{options.to}: {rows} rows, for {served} of {users} users")


def show_runs(options: argparse.Namespace) -> None:
    """Serve MLflow's user interface until interrupted."""
    environment.create_stores()
    store = os.environ["MLFLOW_TRACKING_URI"]
    if store.startswith("http"):
        # The address is not repeated here: it may hold a password.
        raise InputError("MLFLOW_TRACKING_URI names a server", remedy="open its address instead")
    from mlflow.tracking import MlflowClient

    from pipelines.tracking import interface, stage_runs, views

    view = views.address(stage_runs.experiment_id(MlflowClient()), views.COMPARISON)
    interface.serve(store, interface.choose_port(options.port), view)


if __name__ == "__main__":
    command_line.end(main)
