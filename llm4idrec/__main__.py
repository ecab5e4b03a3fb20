"""The stages, the export and the scores, without the MLOps stack: `python -m llm4idrec --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

from llm4idrec import preflight
from llm4idrec.artifacts import (
    BOTTOM_LINE,
    COMPARISON,
    CONTROL_COMPARISON,
    EVALUATION,
    INTERACTIONS,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.export import command as export_command
from llm4idrec.language_model.processes import is_main, joined
from llm4idrec.own import score_command
from llm4idrec.runtime.device import require_device
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import forget_work
from llm4idrec.runtime.project import PARAMS, enter_project
from llm4idrec.stages import FLOW, STAGES
from llm4idrec.stages.stage import Stage


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = _parser().parse_args(arguments)
    if options.params is None and not PARAMS.is_file():
        enter_project(options)
    options.params, options.out = options.params or PARAMS, options.out or Path("artifacts")
    return exit_code(lambda: options.run(options), debug=options.debug)


def run_stage(stage: Stage, config: Config, out: Path) -> Files:
    """One stage, for each of its recommenders; returns the files that it reads and writes."""
    if stage.name == "prepare":
        preflight.check_parameters(config)
        preflight.check_recommenders(config)
        preflight.check_base_model(config)
    files: Files = {}
    for each in stage.configs(config):
        files = stage.files(each, out)
        stage.run(files, each)
        if is_main():
            forget_work(*(files[written] for written in stage.writes))
        if EVALUATION in stage.writes:
            from llm4idrec.verdict.early import early_sentence

            print(early_sentence(files[EVALUATION], config.recommenders), flush=True)
    if stage.name == "report":
        from llm4idrec.verdict.tables import answer

        print(answer(files[COMPARISON], files[CONTROL_COMPARISON], files[BOTTOM_LINE]), flush=True)
    return files


def run_all(options: argparse.Namespace) -> None:
    """the whole flow, in this order"""
    config = _read(options)
    for stage in FLOW:
        print(f"{stage.name}: {stage.about}", file=sys.stderr)
        files = run_stage(stage, config, options.out)
        if TRAIN in stage.writes:
            preflight.check_train(config, files[TRAIN] / INTERACTIONS)


def run_one(stage: Stage, options: argparse.Namespace) -> None:
    """The command of a stage."""
    config = _read(options)
    run_stage(stage, stage.config_for(config, options.recommender), options.out)


def merged(options: argparse.Namespace) -> None:
    """base_model/, adapter/ -> one model, for engines that load no adapters"""
    from llm4idrec.language_model.adapter import export_merged

    export_merged(options.out / "base_model", options.out / "adapter", options.to)


def _read(options: argparse.Namespace) -> Config:
    if joined() and options.command != "adapter":
        raise InputError("`accelerate launch` is for the command `adapter`")
    config = Config.read(options.params).with_tuned_filter()
    require_device(config.device)
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m llm4idrec",
        description="Does language-model augmentation help an ID-based recommender?",
        epilog="Folders are below --out. Stages do not check whether they are up to date.",
    )
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--out", type=Path, help="(artifacts)")
    place.add_argument("--debug", action="store_true", help="show a traceback")
    common = argparse.ArgumentParser(add_help=False, parents=[place])
    common.add_argument("--params", type=Path, help="(params.yaml, here or in a folder above)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, stage in STAGES.items():
        command = commands.add_parser(name, parents=[common], help=stage.about)
        command.set_defaults(run=partial(run_one, stage))
        stage.add_options(command)
    commands.add_parser("run", parents=[common], help=run_all.__doc__).set_defaults(run=run_all)
    for name, module in {"export": export_command, "score": score_command}.items():
        about = getattr(module, name).__doc__
        module.add_options(commands.add_parser(name, parents=[common], help=about))
    whole = commands.add_parser("merged", parents=[place], help=merged.__doc__)
    whole.add_argument("--to", type=Path, required=True, help="new folder")
    whole.set_defaults(run=merged, params=None)
    return parser


if __name__ == "__main__":
    command_line.end(main)
