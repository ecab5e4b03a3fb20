"""Run a stage of `dvc.yaml`, the whole flow on a ZenML stack, or MLflow's user interface."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm4idrec.config import Config
from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.files import read_json, remove
from pipelines import environment
from pipelines.stages import (
    ADAPTER,
    BASE_MODEL,
    COMPARISON,
    CONTROL_COMPARISON,
    FIGURES,
    SOURCE,
    STAGES,
    TRAIN,
    Files,
    expand,
)
from steps.workspace import SCRATCH

if TYPE_CHECKING:
    from pipelines.tracking import StageRun

PARAMS = Path("params.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = parser().parse_args(arguments)
    environment.prepare(debug=options.debug)
    try:
        options.run(options)
    except LLM4IDRecError as error:
        if options.debug:
            raise
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


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
        command = add(name, run_stage, f"writes {', '.join(stage.writes)}")
        if name == "evaluate":
            command.add_argument("--recommender", required=True, help="one of `recommenders`")
    whole = add("all", run_all, "all stages as one ZenML pipeline")
    whole.add_argument("--stack", default="default", help="a ZenML stack (this machine)")
    add("verdict", show_verdict, f"print {COMPARISON} as a table")
    ui = add("ui", show_runs, "serve MLflow's user interface on 127.0.0.1")
    ui.add_argument("--port", type=int, default=5000, help="(5000)")
    return commands


def only(config: Config, recommender: str) -> Config:
    """The same parameters with one recommender."""
    if recommender not in config.recommenders:
        known = ", ".join(config.recommenders)
        raise InputError(f"`recommenders` has no {recommender!r}", f"one of {known}", file=PARAMS)
    return config.model_copy(update={"recommenders": (recommender,)})


def run_stage(options: argparse.Namespace) -> None:
    """One ZenML pipeline inside one MLflow run; the files stay in place, for DVC to keep."""
    started = time.monotonic()
    version, name = Config.read(PARAMS), options.command
    config, label, stage = version, name, STAGES[name]
    if name == "evaluate":
        config, label = only(config, options.recommender), f"{name} {options.recommender}"
    inputs, outputs = stage.inputs(config), stage.outputs(config)
    print(f"{label}: started", flush=True)
    environment.create_stores()
    from pipelines import flow, tracking

    with tracking.stage_run(label, version, stage.keys(config), inputs) as run:
        try:
            zenml_run = flow.run_stage(name, config, inputs)
        except BaseException:
            remove(*outputs.values())  # all or none; half-done work to resume lies beside them
            raise
        run.tag(**{"zenml.run": zenml_run})
        log_stage(run, config, inputs, outputs)
    if name == "report":
        print(f"report: see {FIGURES}, or `python -m pipelines.run verdict`")
    print(f"{label}: {time.monotonic() - started:.1f} s", flush=True)


def run_all(options: argparse.Namespace) -> None:
    """One ZenML pipeline, then its stages' MLflow runs, which this machine writes."""
    config = Config.read(PARAMS)
    source = STAGES["prepare"].inputs(config)[SOURCE]
    environment.create_stores()
    from pipelines import flow, tracking

    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
        os.environ[SCRATCH] = scratch
        zenml_run, files = flow.run_all(config, source, options.stack)
        for name, stage in STAGES.items():
            inputs = {key: files[key] for key in expand(stage.reads, config)}
            outputs = {key: files[key] for key in expand(stage.writes, config)}
            with tracking.stage_run(name, config, stage.keys(config), inputs) as run:
                run.tag(**{"zenml.run": zenml_run})
                log_stage(run, config, inputs, outputs)
        print_verdict(files[COMPARISON], files[CONTROL_COMPARISON])
    print("comparison.html is with the run `report` in MLflow: python -m pipelines.run ui")


def log_stage(run: StageRun, config: Config, inputs: Files, outputs: Files) -> None:
    """What MLflow keeps of a stage: numbers; of the adapter, the model; of the report, itself."""
    run.log_outputs(outputs)
    if ADAPTER in outputs:
        from pipelines.registry import log_adapter

        log_adapter(run, config, inputs[TRAIN], inputs[BASE_MODEL], outputs[ADAPTER])
    if COMPARISON in outputs:
        run.log_comparison(outputs[COMPARISON], outputs[CONTROL_COMPARISON], outputs[FIGURES])


def show_verdict(options: argparse.Namespace) -> None:
    """The comparison of the newest report."""
    for name in (COMPARISON, CONTROL_COMPARISON):
        if not Path(name).is_file():
            raise InputError("there is no report yet", remedy="run `dvc repro`", file=name)
    print_verdict(Path(COMPARISON), Path(CONTROL_COMPARISON))


def print_verdict(comparison: Path, controls: Path) -> None:
    from llm4idrec.leads import lead_table
    from llm4idrec.verdict import verdict_table

    print(verdict_table(read_json(comparison)))
    print()
    print(lead_table(read_json(controls)), flush=True)


def show_runs(options: argparse.Namespace) -> None:
    """Serve MLflow's user interface until interrupted."""
    environment.create_stores()
    store = os.environ["MLFLOW_TRACKING_URI"]
    if store.startswith("http"):
        # The address is not repeated here: it may hold a password.
        raise InputError("MLFLOW_TRACKING_URI names a server", remedy="open its address instead")
    command = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(options.port)]
    command += ["--backend-store-uri", store, "--workers", "1"]
    with suppress(KeyboardInterrupt):
        subprocess.run([sys.executable, *command], check=True)


if __name__ == "__main__":
    sys.exit(main())
