"""The stages, the export and the scores, without the MLOps stack: `llm4idrec --help`, which imports
no torch; nor do the imports here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.export import command as export_command
from llm4idrec.own import score_command
from llm4idrec.runtime.device import require_device
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.project import PARAMS, enter_project
from llm4idrec.serving import command as serve_command
from llm4idrec.stages import STAGES
from llm4idrec.stages.stage import Stage
from llm4idrec.survey import check as check_command
from llm4idrec.survey import init as init_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = _parser().parse_args(arguments)
    if options.params is None and not PARAMS.is_file():
        enter_project(options)
    options.params, options.out = options.params or PARAMS, options.out or Path("artifacts")
    return exit_code(lambda: options.run(options), debug=options.debug)


def run_all(options: argparse.Namespace) -> None:
    """the whole flow, in this order, but for stages that are up to date"""
    from llm4idrec.flow import run_flow

    run_flow(_read(options), options.out)
    then = "trains what to serve on everything, and writes everybody's best items"
    print(f"`{command_line.program()} serve` {then}", file=sys.stderr)


def run_one(stage: Stage, options: argparse.Namespace) -> None:
    """The command of a stage."""
    from llm4idrec.flow import run_stage

    config = _read(options)
    run_stage(stage, stage.config_for(config, options.recommender), options.out)


def merged(options: argparse.Namespace) -> None:
    """base_model/, adapter/ -> one model, for engines that load no adapters"""
    from llm4idrec.language_model.adapter import export_merged

    export_merged(options.out / "base_model", options.out / "adapter", options.to)


def _read(options: argparse.Namespace) -> Config:
    from llm4idrec.language_model.processes import joined

    if joined() and options.command != "adapter":
        raise InputError("`accelerate launch` is for the command `adapter`")
    config = Config.read(options.params).with_tuned_filter()
    require_device(config.device)
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        command_line.program(),
        description="Does language-model augmentation help an ID-based recommender?",
        epilog="Folders are below --out. `run` leaves out what is up to date; a stage never does.",
    )
    debugging = argparse.ArgumentParser(add_help=False)
    debugging.add_argument("--debug", action="store_true", help="show a traceback")
    place = argparse.ArgumentParser(add_help=False, parents=[debugging])
    place.add_argument("--out", type=Path, help="(artifacts)")
    common = argparse.ArgumentParser(add_help=False, parents=[place])
    common.add_argument("--params", type=Path, help="(params.yaml, here or in a folder above)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    about = init_command.__doc__
    init_command.add_options(commands.add_parser("init", parents=[debugging], help=about))
    about = check_command.__doc__
    check_command.add_options(commands.add_parser("check", parents=[common], help=about))
    for name, stage in STAGES.items():
        command = commands.add_parser(name, parents=[common], help=stage.about)
        command.set_defaults(run=partial(run_one, stage))
        stage.add_options(command)
    commands.add_parser("run", parents=[common], help=run_all.__doc__).set_defaults(run=run_all)
    named = {"serve": serve_command, "export": export_command, "score": score_command}
    for name, module in named.items():
        about = getattr(module, name).__doc__
        module.add_options(commands.add_parser(name, parents=[common], help=about))
    whole = commands.add_parser("merged", parents=[place], help=merged.__doc__)
    whole.add_argument("--to", type=Path, required=True, help="new folder")
    whole.set_defaults(run=merged, params=None)
    return parser


if __name__ == "__main__":
    command_line.end(main)
